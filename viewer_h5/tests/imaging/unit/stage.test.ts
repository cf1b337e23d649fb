import { describe, expect, it } from 'vitest'

import type { SeriesBrief } from '@/imaging/contract'
import { chooseDisplay } from '@/imaging/stage/displayChoice'
import { GestureRecogniser, type GestureHandlers } from '@/imaging/stage/gestures'

const series = (has_preview: boolean): SeriesBrief => ({
  series_instance_uid: '1',
  modality: 'CT',
  series_number: 1,
  description: '',
  kind: 'image',
  instance_count: 1,
  frame_count: 1,
  key: null,
  has_preview,
})
const frame = (has_preview: boolean, web_frame: boolean) => ({
  frameNumber: 1,
  instance: { sop_instance_uid: '1', instance_number: 1, frames: 1, has_preview, web_frame, metadata: {} },
})
const yes = () => true
const no = () => false

describe('what is shown', () => {
  it('is what was asked for where it exists, without asking for WebGL in vain', () => {
    const mustNotAsk = () => {
      throw new Error('asked')
    }
    expect(chooseDisplay('preview', series(true), frame(true, true), mustNotAsk)).toEqual({ mode: 'preview', note: '' })
    expect(chooseDisplay('dicom', series(true), frame(true, true), yes)).toEqual({ mode: 'dicom', note: '' })
  })

  it('falls back to DICOM where there is no preview, and says so', () => {
    const choice = chooseDisplay('preview', series(false), frame(false, true), yes)
    expect(choice.mode).toBe('dicom')
    expect(choice.note).toContain('没有预览图')
    expect(chooseDisplay('preview', series(true), frame(false, true), yes).note).toContain('这一幅没有预览图')
  })

  it('stays with the preview where no lossless frame can be shown, and says why', () => {
    expect(chooseDisplay('dicom', series(true), frame(true, false), yes)).toMatchObject({ mode: 'preview', note: expect.stringContaining('没有可在网页显示') })
    expect(chooseDisplay('dicom', series(true), frame(true, true), no)).toMatchObject({ mode: 'preview', note: expect.stringContaining('WebGL2') })
  })

  it('is nothing but words where neither exists', () => {
    expect(chooseDisplay('preview', series(false), frame(false, false), yes)).toMatchObject({ mode: null, note: expect.stringContaining('已完整保存') })
    expect(chooseDisplay('preview', series(false), frame(false, true), no)).toMatchObject({ mode: null, note: expect.stringContaining('WebGL2') })
  })
})

/** A stage of 400 × 400 whose gestures are written down. */
function stage() {
  const seen: unknown[][] = []
  const note = (name: string) => (...args: unknown[]) => void seen.push([name, ...args])
  const handlers = Object.fromEntries(
    ['drag', 'dragStart', 'pinch', 'wheel', 'zoomWheel', 'doubleTap'].map((name) => [name, note(name)]),
  ) as unknown as GestureHandlers
  const element = document.createElement('div')
  element.getBoundingClientRect = () => new DOMRect(0, 0, 400, 400)
  element.setPointerCapture = () => undefined
  const recogniser = new GestureRecogniser(element, handlers)
  const pointer = (kind: 'down' | 'move' | 'up', id: number, x: number, y: number, over: Partial<PointerEvent> = {}) =>
    recogniser[kind]({ pointerId: id, clientX: x, clientY: y, button: 0, timeStamp: 0, type: `pointer${kind}`, preventDefault: () => undefined, ...over } as PointerEvent)
  return { seen, pointer, recogniser, names: () => seen.map(([name]) => name) }
}

describe('gestures', () => {
  it('one finger drags', () => {
    const { seen, pointer } = stage()
    pointer('down', 1, 100, 100)
    pointer('move', 1, 110, 130)
    expect(seen).toEqual([['dragStart', 'primary'], ['drag', 10, 30, 'primary']])
  })

  it('two fingers pinch about their middle and do not drag', () => {
    const { seen, pointer } = stage()
    pointer('down', 1, 100, 200)
    pointer('down', 2, 200, 200)
    pointer('move', 2, 300, 200)
    expect(seen.at(-1)).toEqual(['pinch', 2, 0, 0, 50, 0])
    expect(seen.filter(([name]) => name === 'drag')).toEqual([])
  })

  it('the finger left after a pinch does not page', () => {
    const { pointer, names } = stage()
    pointer('down', 1, 100, 200)
    pointer('down', 2, 200, 200)
    pointer('move', 2, 300, 200)
    pointer('up', 2, 300, 200)
    pointer('move', 1, 100, 350)
    expect(names()).not.toContain('drag')
  })

  it('two quick taps reset, two slow ones or a drag between do not', () => {
    const quick = stage()
    quick.pointer('down', 1, 50, 50)
    quick.pointer('up', 1, 50, 50, { timeStamp: 1000 })
    quick.pointer('down', 1, 50, 50)
    quick.pointer('up', 1, 50, 50, { timeStamp: 1200 })
    expect(quick.names()).toContain('doubleTap')

    const slow = stage()
    slow.pointer('down', 1, 50, 50)
    slow.pointer('up', 1, 50, 50, { timeStamp: 1000 })
    slow.pointer('down', 1, 50, 50)
    slow.pointer('up', 1, 50, 50, { timeStamp: 1900 })
    expect(slow.names()).not.toContain('doubleTap')

    const dragged = stage()
    for (const timeStamp of [1000, 1100]) {
      dragged.pointer('down', 1, 50, 50)
      dragged.pointer('move', 1, 50, 90)
      dragged.pointer('up', 1, 50, 90, { timeStamp })
    }
    expect(dragged.names()).not.toContain('doubleTap')
  })

  it('the wheel pages by notches, a touchpad by distance, with Ctrl it zooms', () => {
    const { seen, recogniser } = stage()
    const wheel = (deltaY: number, over: Partial<WheelEvent> = {}) =>
      recogniser.wheel({ deltaY, deltaMode: 0, ctrlKey: false, clientX: 200, clientY: 200, preventDefault: () => undefined, ...over } as WheelEvent)
    wheel(120)
    wheel(-3, { deltaMode: 1 })
    for (let i = 0; i < 10; i++) wheel(10)
    expect(seen).toEqual([['wheel', 1], ['wheel', -1], ['wheel', 1], ['wheel', 1]])
    wheel(-30, { ctrlKey: true })
    expect(seen.at(-1)?.[0]).toBe('zoomWheel')
    expect(seen.at(-1)?.[1]).toBeGreaterThan(1)
  })
})
