"""Being asked to stop: by a file, a signal, a time limit, or the end of the process that started us."""

from __future__ import annotations

import os
import signal

STOP_FILE = "stop"
"""In the work folder; whoever starts a run removes it first. It works where signals do not."""


class StopRequest:
    def __init__(self, work_dir: str, after_seconds: float | None, watch_pid: int | None):
        self.file = os.path.join(work_dir, STOP_FILE)
        self.after_seconds, self.watch_pid = after_seconds, watch_pid
        self.signalled = False

    def __enter__(self) -> StopRequest:
        self.before = {number: signal.signal(number, self.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def on_signal(self, *_: object) -> None:
        self.signalled = True

    def asked(self, seconds: float) -> bool:
        """`seconds` since the start of this process."""
        late = self.after_seconds is not None and seconds > self.after_seconds
        return self.signalled or late or os.path.exists(self.file) or not self.starter_lives()

    def starter_lives(self) -> bool:
        if self.watch_pid is None or os.name != "posix":
            return True
        try:
            os.kill(self.watch_pid, 0)
            return True
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
