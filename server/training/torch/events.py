"""Progress events: one JSON object a line on standard output, read by the process that started us."""

from __future__ import annotations

import json
import traceback
from typing import Callable


def emit(kind: str, **fields: object) -> None:
    print(json.dumps({"event": kind, **fields}), flush=True)


def run_main(main: Callable[[], None]) -> None:
    """Run a program; a failure becomes an `error` event too, since launchers wrap what is on stderr."""
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            emit("error", message=end.code)
        raise
    except Exception as error:
        traceback.print_exc()
        emit("error", message=f"{type(error).__name__}: {error}"[:1000])
        raise SystemExit(1) from error
