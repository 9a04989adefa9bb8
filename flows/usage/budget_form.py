"""What a person types about a budget."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from connections.foundry.values import WhenReached
from connections.models import Connection
from flows.models import Budget, BudgetAccount
from flows.models.budget import BudgetSubject
from flows.pricing.forms import amount
from flows.pricing.models import ModelPrice

MOST_BUDGETS = 1_000
MOST_MONEY, MOST_TOKENS = 100_000_000, 10**13
TAKEN = "There is a budget for this already. Change that one."
COUNTED = ("subject", "name", "currency", "period")  # what accounts are kept by


class BudgetForm(forms.ModelForm):  # type: ignore[type-arg]  # Django takes no type here
    subject = forms.ChoiceField(label="For", choices=BudgetSubject)
    name = forms.CharField(
        label="Name",
        max_length=255,
        required=False,
        help_text="As usage shows it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": "budget-names"}),
    )
    amount = forms.DecimalField(
        label="Amount",
        max_digits=18,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={
            "required": "Type how much may be spent.",
            "invalid": "Type a number such as 1400000 or 25.50.",
            "max_decimal_places": "At most 4 decimals.",
            "max_digits": "That is too much.",
            "max_whole_digits": "That is too much.",
        },
    )
    currency = forms.ChoiceField(label="Of", required=False)
    spill_over_to = forms.ModelChoiceField(
        Connection.objects.foundry(), label="Other connection", required=False, empty_label="none"
    )

    class Meta:
        model = Budget
        fields = ("subject", "name", "amount", "currency", "period", "when_spent", "spill_over_to")
        error_messages = {NON_FIELD_ERRORS: {"unique_together": TAKEN}}
        labels = {"period": "Every", "when_spent": "When it is spent"}

    def __init__(self, *args: Any, focus: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name" if self.instance.pk is None else "amount"].widget.attrs["autofocus"] = focus
        known = set(ModelPrice.objects.order_by().values_list("currency", flat=True)) | {
            self.instance.currency or "USD"
        }
        self.fields["currency"].choices = [("", "tokens"), *((name, name) for name in sorted(known))]  # type: ignore[attr-defined]
        if self.instance.pk is not None:
            money = amount(self.instance.amount) if self.instance.currency else f"{self.instance.amount:.0f}"
            self.initial["amount"] = money

    def clean(self) -> None:
        super().clean()  # which checks that there is no other of its kind
        given = self.cleaned_data
        subject, name, currency = given.get("subject"), given.get("name", "").strip(), given.get("currency") or ""
        given["name"] = "" if subject == BudgetSubject.EVERY_CUSTOMER else name
        if subject != BudgetSubject.EVERY_CUSTOMER and not name:
            self.add_error("name", "Type whose budget it is.")
        self._check_amount(given.get("amount"), currency)
        other = given.get("spill_over_to")
        if given.get("when_spent") != WhenReached.SPILL:
            given["spill_over_to"] = None
        elif other is None:
            self.add_error("spill_over_to", "Choose the connection that is called then.")
        elif subject == BudgetSubject.CONNECTION and other.name == name:
            self.add_error("spill_over_to", "Choose another connection than this one.")
        if self.instance.pk is None and Budget.objects.count() >= MOST_BUDGETS:
            raise ValidationError(f"There are {MOST_BUDGETS:,} budgets, which is all that there may be.")

    def _check_amount(self, typed: Any, currency: str) -> None:
        if typed is None:
            return
        if typed <= 0:
            self.add_error("amount", "A budget is more than 0.")
        elif not currency and typed != int(typed):
            self.add_error("amount", "Tokens are whole.")
        elif typed >= (MOST_MONEY if currency else MOST_TOKENS):
            self.add_error("amount", "That is too much.")

    def save(self, commit: bool = True) -> Budget:
        """What was spent stays counted, and whoever was warned may be warned again; another budget counts anew."""
        accounts = BudgetAccount.objects.select_for_update().filter(budget=self.instance.pk).order_by("pk")
        if not set(COUNTED).isdisjoint(self.changed_data) and list(accounts):
            accounts.delete()
        accounts.update(warned_at=None)
        saved: Budget = super().save(commit)
        return saved
