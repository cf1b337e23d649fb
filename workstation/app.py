"""`mingying-workstation`: one instance a user; a later start hands over what it was called for."""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QPixmap
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox, QSystemTrayIcon

from workstation import __version__, words
from workstation.dock import Edge
from workstation.launches import NotALaunch, address_in, launch_address
from workstation.loopback import LoopbackDoor
from workstation.report import Answer, Reporter
from workstation.settings import DeskSettings, StateFile, WrongSettings, read_settings
from workstation.system import settings_folder
from workstation.window import DockWindow

_HAND_OVER_MS = 3000


class Shell(QObject):
    """The running panel with its doors: loopback, other starts of itself, the tray, the service's answers."""

    woken = Signal(str)
    answered = Signal(object)

    def __init__(self, application: QApplication, settings: DeskSettings, state: StateFile, name: str) -> None:
        super().__init__()
        self._settings, self._state = settings, state
        self._answer = Answer()
        self.window = DockWindow(application, settings.server, state.state.edge or settings.edge)
        self.window.edge_moved.connect(lambda edge: state.change(edge=Edge(edge)))
        self.window.view.reminders_changed.connect(self._reminded)
        self.woken.connect(self.wake)  # also from the threads below: queued into this one
        self.answered.connect(self._learn)
        self._tray = self._in_tray()
        self._others = QLocalServer(self)
        self._others.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        QLocalServer.removeServer(name)  # left by an end without goodbye; the lock says that nobody runs
        self._others.listen(name)
        self._others.newConnection.connect(self._hear_other_start)
        self._open_door()
        self._reporter = Reporter(settings, lambda: state.state, self.answered.emit)
        if settings.key:
            self._reporter.start()

    def wake(self, address: str) -> None:
        """Show a launch; the panel slides out by itself if that is switched on."""
        self._state.change(woken=True)
        self.window.view.open(address)
        self.window.call(slides=self._answer.slides_when_woken())
        self._reporter.soon()

    def take(self, argument: str) -> None:
        """Do what a start of the program asks for: a launch, or only the panel."""
        if not argument:
            self.window.open()
            return
        try:
            self.wake(launch_address(address_in(argument), self._settings.server))
        except NotALaunch:
            self.window.open()  # whoever clicked sees the panel; the address goes nowhere

    def _reminded(self, reminders: int) -> None:
        if reminders:
            self.window.call(slides=self._answer.slides_for(reminders))

    def _learn(self, answer: Answer) -> None:
        self._answer = answer
        if answer.outdated and self._tray:
            self._tray.setToolTip(f"{words.TITLE} {__version__}\n{words.OUTDATED}")

    def _open_door(self) -> None:
        try:
            self._door = LoopbackDoor(self._settings, self.woken.emit)
        except OSError:
            self.window.view.say(words.PORT_TAKEN.format(port=self._settings.port))
            return
        self._door.serve_in_background()

    def _hear_other_start(self) -> None:
        other = self._others.nextPendingConnection()

        def heard() -> None:
            if other.canReadLine():
                self.take(bytes(other.readLine().data()).decode(errors="replace").strip())
                other.disconnectFromServer()

        other.readyRead.connect(heard)
        other.disconnected.connect(other.deleteLater)
        heard()

    def _in_tray(self) -> QSystemTrayIcon | None:
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return None
        picture = QPixmap(32, 32)
        picture.fill(QColor("#0b6b7a"))
        tray = QSystemTrayIcon(QIcon(picture), self)
        tray.setToolTip(f"{words.TITLE} {__version__}")
        self._menu = QMenu()
        for text, act in ((words.OPEN, self.window.open), (words.QUIT, QApplication.quit)):
            action = QAction(text, self._menu)
            action.triggered.connect(act)
            self._menu.addAction(action)
        tray.setContextMenu(self._menu)
        tray.activated.connect(lambda _reason: self.window.open())
        tray.show()
        return tray


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the panel, or hand a launch to the one that runs."""
    given = _parser().parse_args(arguments)
    application = QApplication([sys.argv[0]])
    application.setQuitOnLastWindowClosed(False)
    try:
        settings = read_settings(given.settings)
    except WrongSettings as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201  # a command line program
        if not given.quiet:
            QMessageBox.critical(None, words.TITLE, words.WRONG_SETTINGS.format(why=wrong))
        return 2
    folder = given.settings.parent
    folder.mkdir(parents=True, exist_ok=True)
    name = f"mingying-workstation-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}"
    lock = QLockFile(str(folder / "running.lock"))
    lock.setStaleLockTime(0)  # held until that process ends, however long it runs
    if not lock.tryLock(0):
        return 0 if _hand_over(name, given.wake or given.link) else 1
    shell = Shell(application, settings, StateFile(folder / "state.json"), name)
    if given.wake or given.link:
        shell.take(given.wake or given.link)
    return application.exec()


def _hand_over(name: str, argument: str) -> bool:
    other = QLocalSocket()
    other.connectToServer(name)
    if not other.waitForConnected(_HAND_OVER_MS):
        print("another panel is starting or ending; try again", file=sys.stderr)  # noqa: T201
        return False
    other.write(f"{argument}\n".encode())
    other.waitForBytesWritten(_HAND_OVER_MS)
    other.waitForDisconnected(_HAND_OVER_MS)
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mingying-workstation", description="The doctor's panel at the screen edge.")
    parser.add_argument("--settings", type=Path, default=settings_folder() / "workstation.toml", help="settings file")
    parser.add_argument("--wake", default="", metavar="URL", help="wake with this launch")
    parser.add_argument("--quiet", action="store_true", help="say what is wrong on the command line alone")
    parser.add_argument("link", nargs="?", default="", help="mingying://wake?url=… as the system hands it over")
    parser.add_argument("--version", action="version", version=__version__)
    return parser
