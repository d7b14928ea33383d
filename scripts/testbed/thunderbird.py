"""Thunderbird without a screen, driven through its own account set-up and its own composer.

    with Thunderbird(directory, trusts=[authority]) as thunderbird:
        thunderbird.set_up("Alice", "alice@example.com", password)
        thunderbird.send("bob@example.net", "subject", "text")
        thunderbird.messages()

What is driven: the Account Hub (the dialogue «Add your email address») by its fields and buttons, which looks the settings up,
shows them, asks for the password, logs in to the incoming server, and makes the account; then the composer's window by its
command «Send now». Dialogues that come up are read, kept in `dialogues`, and cancelled.
"""
import base64
import json
import os
import pathlib
import typing

from .marionette import Marionette
from .processes import Child, Processes
from .trouble import Trouble
from .waiting import wait_until

# Nothing of what a new profile asks, tells or fetches on its own account.
_PREFERENCES: dict[str, typing.Any] = {
    "app.donation.eoy.version.viewed": 999, "app.update.enabled": False, "browser.cache.disk.enable": False,
    "browser.safebrowsing.malware.enabled": False, "browser.safebrowsing.phishing.enabled": False,
    "datareporting.healthreport.uploadEnabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False, "extensions.update.enabled": False,
    "intl.locale.requested": "en-US", "mail.provider.suppress_dialog_on_startup": True,
    "mail.shell.checkDefaultClient": False, "mail.spotlight.firstRunDone": True, "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False, "mailnews.start_page_override.mstone": "ignore", "marionette.port": 0,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    # Loopback alone looks like no network at all.
    "network.manage-offline-status": False, "network.proxy.type": 0, "network.trr.mode": 5,
    "security.OCSP.enabled": 0, "services.settings.server": "", "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
}

_MODULES = """
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const main = Services.wm.getMostRecentWindow("mail:3pane");
"""

# Whoever opens a dialogue waits for its answer: it is read and cancelled at once.
_WATCH = _MODULES + """
  main.testDialogues = [];
  const cancel = (dialogue, text) => {
    main.testDialogues.push(text);
    dialogue.setTimeout(() => dialogue.document.querySelector("dialog").cancelDialog(), 0);
  };
  Services.obs.addObserver(dialogue => {
    const texts = ["infoTitle", "infoBody"].map(id => dialogue.document.getElementById(id)?.textContent ?? "");
    cancel(dialogue, [dialogue.document.title, ...texts].filter(text => text).join(": "));
  }, "common-dialog-loaded");
  Services.obs.addObserver(dialogue => dialogue.addEventListener("load", () => {
    if (!dialogue.location.href.endsWith("/exceptionDialog.xhtml")) return;
    cancel(dialogue, `certificate of ${dialogue.arguments[0].location} is not trusted`);
  }, { once: true }), "domwindowopened");
"""

_TRUST = """
  const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
  for (const certificate of args[0]) database.addCertFromBase64(certificate, "CT,,");
"""

# The dialogue, once it is there.
_VIEW = _MODULES + """
  const hub = () => main.document.querySelector("account-hub-container")?.shadowRoot.querySelector("account-hub-email");
"""

_OPEN_HUB = _VIEW + """
  await main.openAccountHub("MAIL");
  await hub().ready;
"""

# Which step is shown, and what its bar of notifications says; not while it works.
_HUB = _VIEW + """
  const view = hub();
  const step = [...view.querySelectorAll(".account-hub-step")].find(element => !element.hidden);
  if (!step) return null;
  const bar = step.shadowRoot?.querySelector("account-hub-header")?.shadowRoot.querySelector("#emailFormNotification");
  const texts = bar?.querySelectorAll(".localized-title, .raw-title, .localized-description, .raw-description") ?? [];
  return {
    step: step.id, busy: view.classList.contains("busy"),
    kind: bar && !bar.hidden ? ["error", "warning", "info", "success"].find(kind => bar.classList.contains(kind)) : null,
    text: [...texts].map(element => element.textContent.trim()).filter(text => text).join(": "),
    values: Object.fromEntries([...step.querySelectorAll("[id]")].filter(element => !element.children.length)
      .map(element => [element.id, element.value ?? element.textContent.trim()])),
  };
"""

_FILL = _VIEW + """
  const step = hub().querySelector(`#${args[0]}`);
  for (const [id, value] of Object.entries(args[1])) {
    const input = step.querySelector(`#${id}`);
    input.value = value;
    input.dispatchEvent(new main.Event("input", { bubbles: true }));
  }
"""

_FORWARD = _VIEW + """
  const button = hub().querySelector("account-hub-footer #forward");
  if (button.disabled || button.hidden) throw new Error("the button to go on cannot be pressed");
  button.click();
"""

_ACCOUNT = _MODULES + """
  const account = MailServices.accounts.accounts.find(one => ["imap", "pop3"].includes(one.incomingServer.type));
  if (!account) return null;
  const sends = MailServices.outgoingServer.getServerByKey(account.defaultIdentity.smtpServerKey)
    ?? MailServices.outgoingServer.defaultServer;
  const reads = account.incomingServer;
  const security = type => ({ [Ci.nsMsgSocketType.SSL]: "TLS", [Ci.nsMsgSocketType.alwaysSTARTTLS]: "STARTTLS" })[type]
    ?? "none";
  return {
    address: account.defaultIdentity.email,
    reads: [reads.type, reads.hostname, reads.port, security(reads.socketType), reads.username],
    sends: [sends.type, sends.serverURI.host, sends.serverURI.port, security(sends.socketType), sends.username],
  };
"""

_COMPOSE = _MODULES + """
  const account = MailServices.accounts.accounts.find(one => ["imap", "pop3"].includes(one.incomingServer.type));
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  Object.assign(fields, { to: args[0], subject: args[1], body: args[2] });
  const parameters = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
  Object.assign(parameters, {
    composeFields: fields, format: Ci.nsIMsgCompFormat.PlainText, type: Ci.nsIMsgCompType.New,
    identity: account.defaultIdentity,
  });
  MailServices.compose.OpenComposeWindowWithParams(null, parameters);
"""

_COMPOSER_IS_READY = """
  return Services.wm.getMostRecentWindow("msgcompose")?.composeEditorReady ?? false;
"""

_SEND = _MODULES + """
  const composer = Services.wm.getMostRecentWindow("msgcompose");
  main.testSending = "under way";
  composer.gMsgCompose.addMsgSendListener({
    QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener"]),
    onStartSending() {}, onSendProgress() {}, onProgress() {}, onStatus() {}, onSendNotPerformed() {}, onGetDraftFolderURI() {},
    onStopSending(id, status) { main.testSending = Components.isSuccessCode(status) ? "sent" : "failed"; },
    onTransportSecurityError() { main.testSending = "failed"; },
  });
  composer.goDoCommand("cmd_sendNow");
"""

_SENDING = _MODULES + """
  return main.testSending;
"""

_CLOSE_COMPOSERS = """
  for (const composer of Services.wm.getEnumerator("msgcompose")) composer.close();
"""

# Asks for new mail, then reads every message of the inbox as it came.
_MESSAGES = _MODULES + """
  const account = MailServices.accounts.accounts.find(one => ["imap", "pop3"].includes(one.incomingServer.type));
  const inbox = account.incomingServer.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
  await new Promise(resolve => account.incomingServer.getNewMessages(inbox, main.msgWindow, {
    OnStartRunningUrl() {}, OnStopRunningUrl() { resolve(); },
  }));
  const octets = header => new Promise((resolve, reject) => {
    const parts = [];
    const uri = inbox.getUriForMsg(header);
    MailServices.messageServiceFromURI(uri).streamMessage(uri, {
      QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
      onStartRequest() {},
      onStopRequest(request, status) {
        Components.isSuccessCode(status) ? resolve(parts.join("")) : reject(new Error(`reading failed: ${status}`));
      },
      onDataAvailable(request, stream, offset, count) {
        const binary = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
        binary.setInputStream(stream);
        parts.push(binary.readBytes(count));
      },
    }, main.msgWindow, null, false, "", false);
  });
  const found = [];
  for (const header of inbox.messages) {
    found.push({ subject: header.mime2DecodedSubject, author: header.mime2DecodedAuthor, content: btoa(await octets(header)) });
  }
  return found;
"""


class Thunderbird:
    """One profile in a directory of its own, and the program that runs with it."""

    def __init__(
        self, directory: pathlib.Path, *, trusts: typing.Sequence[pathlib.Path] = (),
        preferences: dict[str, typing.Any] | None = None,
    ) -> None:
        """
        - directory: is made; nothing is kept elsewhere.
        - trusts: PEM files of authorities that are trusted beside those that Thunderbird comes with.
        - preferences: more of them, or others.
        """
        self._directory = directory
        self._profile = directory / "profile"
        self._profile.mkdir(parents=True)
        self._trusts = trusts
        lines = (_PREFERENCES | (preferences or {})).items()
        (self._profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in lines))
        self._processes = Processes(directory)
        self._child: Child | None = None
        self._driver: Marionette | None = None

    def __enter__(self) -> "Thunderbird":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # The program

    def start(self) -> None:
        """Starts the program and waits for its main window."""
        environment = {"HOME": str(self._directory), "XDG_RUNTIME_DIR": str(self._directory), "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
        command = ["thunderbird", "--headless", "--no-remote", "--profile", str(self._profile), "--marionette",
                   "--remote-allow-system-access"]
        self._child = self._processes.start("thunderbird", command, environment=environment)
        port = self._profile / "MarionetteActivePort"
        self._wait(lambda: port.exists() and port.read_text() != "", "Thunderbird to listen", 120)
        self._driver = Marionette(int(port.read_text()))
        self._wait(lambda: self.run(_MODULES + "return !!main && main.document.readyState == 'complete'"), "its main window")
        self.run(_WATCH)
        self.run(_TRUST, [_base64(file) for file in self._trusts])

    def stop(self) -> None:
        """Ends it; the profile stays."""
        if self._driver:
            self._driver.close()
        self._processes.stop_all()

    def run(self, script: str, *arguments: typing.Any) -> typing.Any:
        """Runs the body of an async function in the main window, as the program's own scripts."""
        if not self._driver:
            raise Trouble("Thunderbird has not been started")
        return self._driver.run(script, *arguments)

    @property
    def dialogues(self) -> list[str]:
        """What dialogues have said so far, in their order."""
        said: list[str] = self.run(_MODULES + "return main.testDialogues")
        return said

    # Accounts

    def look_up(self, name: str, address: str) -> dict[str, str]:
        """Opens the dialogue, gives a name and an address, and waits for the settings that it finds.

        Returns what it shows of them: incomingType, incomingHost, incomingPort, outgoingHost, outgoingPort and others.
        Raises Trouble when it finds none.
        """
        self.run(_OPEN_HUB)
        self.run(_FILL, "emailAutoConfigSubview", {"realName": name, "email": address})
        self.run(_FORWARD)
        state = self._hub("emailAutoConfigSubview")
        if state["step"] != "emailConfigFoundSubview":
            raise Trouble(f"no settings were found: {state}")
        values: dict[str, str] = state["values"]
        return values

    def set_up(self, name: str, address: str, password: str) -> dict[str, typing.Any]:
        """An account from nothing but these three. Returns what was made: address, reads, sends.

        Raises Trouble with what the dialogue says when it makes none.
        """
        self.look_up(name, address)
        self.run(_FORWARD)
        self._hub("emailConfigFoundSubview")
        self.run(_FILL, "emailPasswordSubview", {"password": password})
        self.run(_FORWARD)
        state = self._hub("emailPasswordSubview")
        if state["step"] == "emailPasswordSubview" or state["kind"] == "error":
            raise Trouble(f"no account was made: {state['text']}")
        self.run(_FORWARD)
        account: dict[str, typing.Any] = self.account()
        return account

    def account(self) -> dict[str, typing.Any]:
        """The account that there is. Raises Trouble without one."""
        account: dict[str, typing.Any] | None = self.run(_ACCOUNT)
        if account is None:
            raise Trouble("there is no account")
        return account

    def _hub(self, before: str) -> dict[str, typing.Any]:
        """Waits until the dialogue has left a step, or says in it why not."""
        state: dict[str, typing.Any] = {}

        def has_ended() -> bool:
            nonlocal state
            state = self.run(_HUB) or {}
            return bool(state) and not state["busy"] and (state["step"] != before or state["kind"] == "error")

        self._wait(has_ended, f"the step after {before}", 120)
        return state

    # Mail

    def send(self, recipient: str, subject: str, text: str) -> None:
        """Writes a message and sends it. Raises Trouble with what dialogues say when that fails."""
        before = len(self.dialogues)
        self.run(_COMPOSE, recipient, subject, text)
        self._wait(lambda: self.run(_COMPOSER_IS_READY), "the composer's window")
        self.run(_SEND)
        self._wait(lambda: self.run(_SENDING) != "under way", "the message to be sent", 120)
        if self.run(_SENDING) != "sent":
            self._wait(lambda: len(self.dialogues) > before, "a dialogue that says why")
            said = self.dialogues[before:]
            self.run(_CLOSE_COMPOSERS)
            raise Trouble(f"the message was not sent: {said}")

    def messages(self) -> list[dict[str, typing.Any]]:
        """Fetches, then reads the inbox: subject, author, and content as octets."""
        found: list[dict[str, typing.Any]] = self.run(_MESSAGES)
        return [message | {"content": base64.b64decode(message["content"])} for message in found]

    def _wait(self, condition: typing.Callable[[], bool], what: str, seconds: float = 60) -> None:
        def holds() -> bool:
            if self._child is None or not self._child.is_running():
                raise Trouble(f"Thunderbird has ended:\n{self._child.last_lines() if self._child else ''}")
            return condition()

        try:
            wait_until(holds, seconds, what, pause=0.1)
        except Trouble as trouble:
            said = self._child.last_lines() if self._child else ""
            raise Trouble(f"{trouble}\n{said}") from None


def _base64(file: pathlib.Path) -> str:
    lines = file.read_text().splitlines()
    begin = lines.index("-----BEGIN CERTIFICATE-----")
    return "".join(lines[begin + 1:lines.index("-----END CERTIFICATE-----")])


def is_installed() -> bool:
    """Whether there is a Thunderbird."""
    return os.access("/usr/bin/thunderbird", os.X_OK)
