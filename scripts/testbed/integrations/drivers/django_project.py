"""Runs a Django guide as its reader would: a new project, the page's settings added to it, its view and its URL, the
development server, one POST. The exit code is 0 exactly when the answer is 200."""
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

from served import while_served

_PORT = 8000
# Django compares cookie and field; who made them up does not matter.
_TOKEN = "t" * 32


def make_project() -> None:
    """`mysite`, with what the page adds."""
    files = sorted(pathlib.Path().glob("*.py"))
    subprocess.run([sys.executable, "-m", "django", "startproject", "mysite", "."], check=True)
    for file in files:
        # The settings come after those of a new project, everything else takes the place of what is there.
        with open(pathlib.Path("mysite", file.name), "a" if file.name == "settings.py" else "w", encoding="utf-8") as ours:
            ours.write("\n" + file.read_text(encoding="utf-8"))


def post() -> int:
    """One request to the page's view."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{_PORT}/send-email/", data=b"",
        headers={"Cookie": f"csrftoken={_TOKEN}", "X-CSRFToken": _TOKEN})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            print(answer.read().decode())
            return 0
    except urllib.error.HTTPError as refusal:
        print(refusal)
        return 1


make_project()
serve = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{_PORT}"]
sys.exit(while_served(serve, _PORT, post))
