"""The window at the edge of the screen: it does what `dock` decided."""

import time

from PySide6.QtCore import QEasingCurve, QEvent, QPropertyAnimation, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from workstation import dock as docking
from workstation import words
from workstation.dock import PANEL_WIDTH, STRIP_WIDTH, Dock, Edge, Rect, Shown
from workstation.page import PluginView

_SLIDE_MS = 160
_LOOK_MS = 200
_STYLE = """
#strip { background: #0b6b7a; color: white; font-size: 12px; }
#strip[marked="true"] { background: #b25b00; }
#panel { background: white; }
#head { background: #eef4f5; color: #16323a; }
QPushButton { border: 0; padding: 6px 8px; color: #0b6b7a; background: transparent; }
QPushButton:hover { background: #d9e7e9; }
"""


class DockWindow(QWidget):
    """A frameless window above all others. It takes no keyboard from the HIS when it comes."""

    edge_moved = Signal(str)

    def __init__(self, application: QApplication, server: str, edge: Edge) -> None:
        flags = Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint | Qt.WindowType.Tool
        super().__init__(None, flags)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setWindowTitle(words.TITLE)
        self.setStyleSheet(_STYLE)
        self.dock = Dock(edge)
        self._strip = QLabel(words.TAB, self)
        self._strip.setObjectName("strip")
        self._strip.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._panel = QWidget(self)
        self._panel.setObjectName("panel")
        self.view = PluginView(server, self._panel)
        self._lay_out()
        self._slide = QPropertyAnimation(self, b"geometry", self)
        self._slide.setDuration(_SLIDE_MS)
        self._slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._clock = QTimer(self)
        self._clock.setInterval(_LOOK_MS)
        self._clock.timeout.connect(lambda: self._become(docking.passed(self.dock, time.monotonic())))
        self._clock.start()
        QGuiApplication.primaryScreen().availableGeometryChanged.connect(lambda _: self._place(slowly=False))
        application.focusChanged.connect(self._focused)
        self._place(slowly=False)
        self.show()

    def call(self, *, slides: bool) -> None:
        """Come out by itself, or only mark the strip."""
        self._become(docking.called(self.dock, time.monotonic(), slides=slides))

    def open(self) -> None:
        """Come out because the doctor asked."""
        self._become(docking.opened(self.dock, time.monotonic()))

    def enterEvent(self, event: QEnterEvent) -> None:
        """The mouse touched the strip or the panel."""
        self._become(docking.pointed(self.dock, time.monotonic(), inside=True))
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse left."""
        self._become(docking.pointed(self.dock, time.monotonic(), inside=False))
        super().leaveEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the panel as wide as it is when out: the window uncovers it from the edge, it is not squeezed."""
        width = min(PANEL_WIDTH, self._area().width - STRIP_WIDTH)
        at_left = self.dock.edge is Edge.LEFT
        self._strip.setGeometry(self.width() - STRIP_WIDTH if at_left else 0, 0, STRIP_WIDTH, self.height())
        self._panel.setGeometry(self.width() - STRIP_WIDTH - width if at_left else STRIP_WIDTH, 0, width, self.height())
        super().resizeEvent(event)

    def _lay_out(self) -> None:
        head = QWidget(self._panel)
        head.setObjectName("head")
        row = QHBoxLayout(head)
        row.setContentsMargins(12, 2, 4, 2)
        row.addWidget(QLabel(words.TITLE, head), stretch=1)
        for text, act in (
            (words.MOVE, self._move_across),
            (words.PUT_AWAY, lambda: self._become(docking.put_away(self.dock, completely=False))),
            (words.HIDE, lambda: self._become(docking.put_away(self.dock, completely=True))),
        ):
            button = QPushButton(text, head)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(act)
            row.addWidget(button)
        column = QVBoxLayout(self._panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self.view, stretch=1)

    def _move_across(self) -> None:
        self.dock = docking.across(self.dock, time.monotonic())
        self._place(slowly=False)
        self.edge_moved.emit(self.dock.edge)

    def _focused(self, _old: QWidget | None, now: QWidget | None) -> None:
        inside = now is not None and now.window() is self
        self._become(docking.focused(self.dock, time.monotonic(), inside=inside))

    def _become(self, dock: Dock) -> None:
        before, self.dock = self.dock, dock
        if dock.marked != before.marked:
            self._strip.setProperty("marked", dock.marked)
            self._strip.style().polish(self._strip)
        if dock.shown is not before.shown:
            if dock.shown is Shown.OUT:
                self.raise_()
            self._place(slowly=Shown.HIDDEN not in (dock.shown, before.shown))

    def _place(self, *, slowly: bool) -> None:
        self._slide.stop()
        target = QRect(*docking.frame(self.dock, self._area()))
        if slowly:
            self._slide.setEndValue(target)
            self._slide.start()
        else:
            self.setGeometry(target)
            self.resizeEvent(QResizeEvent(self.size(), self.size()))
        self.setVisible(self.dock.shown is not Shown.HIDDEN)

    def _area(self) -> Rect:
        area = QGuiApplication.primaryScreen().availableGeometry()
        return Rect(area.x(), area.y(), area.width(), area.height())
