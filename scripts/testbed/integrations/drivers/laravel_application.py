"""Runs a Laravel guide as its reader would: its files are put into an application (`laravel` beside this file, which has
Laravel's own config/mail.php), its lines of .env beside the application's. If the page says what to run, that is run, else
one POST goes to its route. The exit code is 0 exactly when the mail was taken."""
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

from served import while_served

_APPLICATION = pathlib.Path(__file__).resolve().parent / "laravel"
_PORT = 8010
_SETTINGS = f"APP_NAME=Laravel\nAPP_ENV=local\nAPP_KEY={'k' * 32}\n"


def make_application() -> None:
    """In this directory, with what the page adds."""
    shutil.copytree(_APPLICATION, ".", dirs_exist_ok=True, copy_function=_merge)
    for name in ("bootstrap/cache", "storage/framework/views", "storage/logs", "resources/views"):
        pathlib.Path(name).mkdir(parents=True, exist_ok=True)
    settings = pathlib.Path(".env")
    settings.write_text(_SETTINGS + settings.read_text(encoding="utf-8"), encoding="utf-8")


def _merge(source: str, target: str) -> None:
    """The application's file, with what the page adds to it; what both have at their top is there once."""
    ours, theirs = pathlib.Path(source).read_text(encoding="utf-8"), pathlib.Path(target)
    added = theirs.read_text(encoding="utf-8").splitlines() if theirs.exists() else []
    top = [line for line in ours.splitlines() if line.startswith(("<?php", "use "))]
    theirs.write_text("\n".join([ours, *(line for line in added if line not in top), ""]), encoding="utf-8")


def post() -> int:
    """One request to the page's route; when it is refused, the log that the page speaks of."""
    request = urllib.request.Request(f"http://127.0.0.1:{_PORT}/api/welcome", data=b"")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            print(answer.read().decode())
            return 0
    except urllib.error.HTTPError as refusal:
        print(refusal)
        print(pathlib.Path("storage/logs/laravel.log").read_text(encoding="utf-8"))
        return 1


make_application()
if pathlib.Path("run.sh").exists():
    sys.exit(subprocess.run(["sh", "-eu", "run.sh"]).returncode)
serve = ["php", "-S", f"127.0.0.1:{_PORT}", "-t", "public", "public/index.php"]
sys.exit(while_served(serve, _PORT, post))
