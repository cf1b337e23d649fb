"""The plugin page within the panel: anew for each launch, nothing of it on disk, other addresses in the browser."""

import re

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineProfile
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QLabel, QStackedWidget, QWidget

from workstation import words
from workstation.launches import NotALaunch, origin_of

_AGAIN_MS = (2_000, 5_000, 10_000, 30_000)


class _Page(QWebEnginePage):
    """A page that stays on the hospital's server."""

    def __init__(self, profile: QWebEngineProfile, server: str, parent: QObject) -> None:
        super().__init__(profile, parent)
        self._server = server

    def acceptNavigationRequest(self, url: QUrl | str, _type: QWebEnginePage.NavigationType, is_main: bool) -> bool:
        """Keep other addresses out of the panel."""
        address = QUrl(url)
        if not is_main or _is_of(address, self._server):
            return True
        _show_in_browser(address)
        return False

    def createWindow(self, _type: QWebEnginePage.WebWindowType) -> QWebEnginePage:
        """Return what the page's new tab becomes: its address goes to the doctor's browser."""
        return _NewTab(self.profile(), self)


class _NewTab(QWebEnginePage):
    """Waits for the address of a new tab: the plugin page opens it empty and fills it in when the service answered."""

    def acceptNavigationRequest(self, url: QUrl | str, _type: QWebEnginePage.NavigationType, _is_main: bool) -> bool:
        """Take the first web address away."""
        address = QUrl(url)
        if address.scheme() not in {"http", "https"}:
            return address.scheme() == "about"
        _show_in_browser(address)
        self.deleteLater()
        return False


class PluginView(QStackedWidget):
    """Shows the page, or says calmly why there is none and tries again."""

    reminders_changed = Signal(int)

    def __init__(self, server: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._server = server
        # without a name it keeps cookies, cache and history in memory alone: desks are shared
        self._profile = QWebEngineProfile(self)
        self._view = QWebEngineView(self)
        self._view.setContextMenuPolicy(self._view.contextMenuPolicy().NoContextMenu)
        self._note = QLabel(words.WAITING, self)
        self._note.setWordWrap(True)
        self._note.setMargin(24)
        self.addWidget(self._note)
        self.addWidget(self._view)
        self._address = QUrl()
        self._tries = 0
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.timeout.connect(self._load)
        self._reminders = 0

    @property
    def note(self) -> str:
        """What stands in place of the page; empty while the page is shown."""
        return self._note.text() if self.currentWidget() is self._note else ""

    def say(self, text: str) -> None:
        """Show words instead of the page."""
        self._note.setText(text)
        self.setCurrentWidget(self._note)

    def open(self, address: str) -> None:
        """Begin anew with a launch; what the last one showed is gone at once."""
        self._address, self._tries, self._reminders = QUrl(address), 0, 0
        self.say("")
        self._load()

    def _load(self) -> None:
        self._again.stop()
        page = _Page(self._profile, self._server, self._view)
        page.loadFinished.connect(self._loaded)
        page.titleChanged.connect(self._titled)
        self._view.setPage(page)  # which deletes the one before
        page.load(self._address)

    def _loaded(self, went_well: bool) -> None:
        if went_well:
            self.setCurrentWidget(self._view)
            return
        self.say(words.UNREACHABLE)
        self._again.start(_AGAIN_MS[min(self._tries, len(_AGAIN_MS) - 1)])
        self._tries += 1

    def _titled(self, title: str) -> None:
        found = re.search(words.REMINDERS, title)
        reminders = int(found[1]) if found else 0
        if reminders != self._reminders:
            self._reminders = reminders
            self.reminders_changed.emit(reminders)


def _is_of(address: QUrl, server: str) -> bool:
    if address.scheme() in {"about", "blob", "data"}:
        return True
    try:
        return origin_of(address.toString()) == origin_of(server)
    except NotALaunch:
        return False


def _show_in_browser(address: QUrl) -> None:
    if address.scheme() in {"http", "https"}:
        QDesktopServices.openUrl(address)
