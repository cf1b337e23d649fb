/** What a pointer, finger or wheel asks for; positions are CSS pixels from the element's centre. */
export interface GestureHandlers {
  /** One finger or the mouse moved with its button held. */
  drag(dx: number, dy: number, button: DragButton): void
  dragStart(button: DragButton): void
  /** Two fingers: spread by `factor` about a point that itself moved. */
  pinch(factor: number, x: number, y: number, dx: number, dy: number): void
  wheel(steps: number): void
  zoomWheel(factor: number, x: number, y: number): void
  doubleTap(): void
}

export type DragButton = 'primary' | 'middle' | 'secondary'

interface Point {
  x: number
  y: number
}

const BUTTONS: readonly DragButton[] = ['primary', 'middle', 'secondary']
const DOUBLE_TAP_MS = 300
const TAP_SLACK_PX = 10
/** Pixels a touchpad must travel for one slice; a mouse wheel's notch is larger. */
const WHEEL_STEP_PX = 40

/** Listens on an element until the returned function is called. */
export function listenForGestures(element: HTMLElement, handlers: GestureHandlers): () => void {
  const recogniser = new GestureRecogniser(element, handlers)
  const listeners: [string, EventListener, AddEventListenerOptions?][] = [
    ['pointerdown', (e) => recogniser.down(e as PointerEvent)],
    ['pointermove', (e) => recogniser.move(e as PointerEvent)],
    ['pointerup', (e) => recogniser.up(e as PointerEvent)],
    ['pointercancel', (e) => recogniser.up(e as PointerEvent)],
    ['wheel', (e) => recogniser.wheel(e as WheelEvent), { passive: false }],
    ['contextmenu', (e) => e.preventDefault()],
  ]
  for (const [name, listener, options] of listeners) element.addEventListener(name, listener, options)
  return () => {
    for (const [name, listener] of listeners) element.removeEventListener(name, listener)
  }
}

export class GestureRecogniser {
  private readonly fingers = new Map<number, Point>()
  private button: DragButton = 'primary'
  private start: Point = { x: 0, y: 0 }
  private moved = false
  private lastTapAt = -Infinity
  private wheelRest = 0
  /** After a pinch the finger left behind must not start to page. */
  private afterPinch = false

  constructor(
    private readonly element: HTMLElement,
    private readonly handlers: GestureHandlers,
  ) {}

  down(event: PointerEvent): void {
    const button = BUTTONS[event.button]
    if (!button) return
    event.preventDefault()
    this.element.focus({ preventScroll: true })
    this.element.setPointerCapture?.(event.pointerId)
    this.fingers.set(event.pointerId, this.pointOf(event))
    if (this.fingers.size === 1) {
      this.button = button
      this.start = this.pointOf(event)
      this.moved = false
      this.afterPinch = false
      this.handlers.dragStart(button)
    }
  }

  move(event: PointerEvent): void {
    const before = this.fingers.get(event.pointerId)
    if (!before) return
    const now = this.pointOf(event)
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1]
    this.fingers.set(event.pointerId, now)
    if (other) {
      this.afterPinch = true
      this.pinch(before, now, other)
    } else if (!this.afterPinch) {
      if (Math.hypot(now.x - this.start.x, now.y - this.start.y) > TAP_SLACK_PX) this.moved = true
      this.handlers.drag(now.x - before.x, now.y - before.y, this.button)
    }
  }

  up(event: PointerEvent): void {
    if (!this.fingers.delete(event.pointerId) || this.fingers.size > 0) return
    if (this.moved || this.afterPinch || event.type === 'pointercancel' || this.button !== 'primary') return
    if (event.timeStamp - this.lastTapAt < DOUBLE_TAP_MS) {
      this.lastTapAt = -Infinity
      this.handlers.doubleTap()
    } else {
      this.lastTapAt = event.timeStamp
    }
  }

  wheel(event: WheelEvent): void {
    event.preventDefault()
    if (event.ctrlKey) {
      const { x, y } = this.pointOf(event)
      this.handlers.zoomWheel(Math.exp(-event.deltaY / 300), x, y)
      return
    }
    // deltaMode 1 and 2 count lines and pages: each is one step; a notch of a mouse never less than one
    if (event.deltaMode !== 0 || Math.abs(event.deltaY) >= WHEEL_STEP_PX) {
      this.wheelRest = 0
      this.handlers.wheel(Math.sign(event.deltaY))
      return
    }
    this.wheelRest += event.deltaY
    const steps = Math.trunc(this.wheelRest / WHEEL_STEP_PX)
    this.wheelRest -= steps * WHEEL_STEP_PX
    if (steps !== 0) this.handlers.wheel(steps)
  }

  private pinch(before: Point, now: Point, other: Point): void {
    const spread = (a: Point) => Math.max(1, Math.hypot(a.x - other.x, a.y - other.y))
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }
    this.handlers.pinch(spread(now) / spread(before), middle.x, middle.y, (now.x - before.x) / 2, (now.y - before.y) / 2)
  }

  private pointOf(event: MouseEvent): Point {
    const box = this.element.getBoundingClientRect()
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 }
  }
}
