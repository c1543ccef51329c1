"""Prints the run folder before anything else."""

from contextlib import suppress

from declare.diagnostics.output import visible
from declare.runtime.listeners.listener import Listener
from declare.runtime.run_folder.event_file import Event


class RunFolderPrinter(Listener):
    """Prints the run folder when the run starts; the command prints it again at the end."""

    def on_event(self, event: Event) -> None:
        """Print the folder once."""
        if event.name == "run_started":
            with suppress(OSError):  # the reader has gone, and the run continues
                print(visible(f"run: {event['folder']}"), flush=True)
