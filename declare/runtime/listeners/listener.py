"""Listeners: objects that events of a run are passed to. The loop knows them only as this.

A listener gets events, may ask for a step at which the loop must come to a boundary, and may request that the
phase stops. It never reaches into the loop; what it keeps survives through `state_dict`.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from declare.runtime.run_folder.event_file import Event


class Request(Enum):
    """What a listener may ask for in answer to an event."""

    STOP_PHASE = "stop the phase"
    SAVE = "save a checkpoint at this boundary"
    STOP_RUN = "save, and end the run as if it had been asked to stop"


class Listener:
    """Gets the events of a run; every method may be left out."""

    name = ""
    """Key of its state in checkpoints; empty if it has none."""
    everywhere = False
    """Whether every process of a group has one; else only the leading process."""
    wants_ticks = False
    """Whether it wants a `tick` a few times a second between boundaries."""

    def on_event(self, event: Event) -> Request | None:
        """React to an event."""

    def next_step(self, step: int) -> int | None:
        """Return the first step of the phase after `step` at which it must be called, if any."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return what must survive."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""

    def close(self) -> None:
        """Let go of files and screens; called once, also when the run fails."""


class EventBus:
    """Passes events to every listener."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = tuple(listeners)
        self.wants_ticks = any(listener.wants_ticks for listener in listeners)

    def emit(self, event: Event) -> set[Request]:
        """Pass the event to every listener, in order; return what they ask for."""
        answers = [listener.on_event(event) for listener in self.listeners]
        return {answer for answer in answers if answer is not None}

    def next_step(self, step: int) -> int | None:
        """Return the first step after `step` that a listener asked for."""
        steps = [listener.next_step(step) for listener in self.listeners]
        return min((item for item in steps if item is not None), default=None)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of every listener that has one."""
        return {listener.name: listener.state_dict() for listener in self.listeners if listener.name}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Give the listeners their state back; one that is new to the run starts empty."""
        for listener in self.listeners:
            if listener.name in state:
                listener.load_state_dict(state[listener.name])

    def close(self) -> None:
        """Close all, the last error (if any) after everyone was closed."""
        failure: Exception | None = None
        for listener in self.listeners:
            try:
                listener.close()
            except Exception as error:  # noqa: BLE001 - every other listener must still be closed
                failure = error
        if failure is not None:
            raise failure
