"""The sheets of the System page: what each row says, and which variable decides it. No secret is in it."""

from __future__ import annotations

from foundryflow.system.engine_sheets import engine_sheet, key_sheet, queue_sheet
from foundryflow.system.setup_sheets import destination_sheet, sign_in_sheet, version_sheet
from foundryflow.system.sheet_parts import SystemSheet
from foundryflow.system.snapshot import SystemSnapshot


def left_sheets(snapshot: SystemSnapshot) -> list[SystemSheet]:
    return [engine_sheet(snapshot), queue_sheet(snapshot), key_sheet(snapshot.keys), sign_in_sheet()]


def right_sheets(snapshot: SystemSnapshot) -> list[SystemSheet]:
    return [version_sheet(snapshot), destination_sheet(snapshot)]
