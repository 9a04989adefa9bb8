"""Ways to sign in, as the forms of several kinds offer them."""

PASSWORD = ("key", "User and password")
ENTRA = ("entra", "Microsoft Entra ID")
