"""Models of Microsoft Foundry and whatever speaks like them."""

from connections.kinds.base import ConnectionKind, KindGroup

FOUNDRY = ConnectionKind(
    name="foundry",
    label="Foundry",
    group=KindGroup.MODELS,
    role_hint=(
        "The identity needs the role Cognitive Services User on the resource; Owner and Contributor do not include it."
    ),
)
