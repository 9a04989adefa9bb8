"""Flows, their revisions, their runs, and what is kept of them."""

from __future__ import annotations

from flows.models.budget import Budget, BudgetAccount, BudgetReservation
from flows.models.designer import LastInputs, Pin, SavedInputs
from flows.models.figures import HourlyFigures, RunGroup
from flows.models.flow import Conflict, Flow, Revision, Room
from flows.models.iteration import Iteration
from flows.models.publication import Publication, PublishedMeanwhile
from flows.models.record import ActionRun, Checkpoint, LogEntry
from flows.models.run import Run, Suspect, Worker
from flows.models.run_connection import RunConnection
from flows.models.run_file import RunFile
from flows.models.secrets import FlowSecret
from flows.models.states import ENDED, EXECUTING, LIVE, State
from flows.models.usage import UsageFigures, UsageSeries

__all__ = [
    "ENDED",
    "EXECUTING",
    "LIVE",
    "ActionRun",
    "Budget",
    "BudgetAccount",
    "BudgetReservation",
    "Checkpoint",
    "Conflict",
    "Flow",
    "FlowSecret",
    "HourlyFigures",
    "Iteration",
    "LastInputs",
    "LogEntry",
    "Pin",
    "Publication",
    "PublishedMeanwhile",
    "Revision",
    "Room",
    "Run",
    "RunConnection",
    "RunFile",
    "RunGroup",
    "SavedInputs",
    "State",
    "Suspect",
    "UsageFigures",
    "UsageSeries",
    "Worker",
]
