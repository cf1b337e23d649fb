import { afterEach, describe, expect, it } from 'vitest'

import { isHotkey } from '@/dock/hotkey'
import { keep, recall } from '@/dock/memory'
import * as change from '@/dock/state'

const tab = change.begin('right', 'tab')

afterEach(() => localStorage.clear())

describe('the panel at the edge', () => {
  it('slides back after the pointer only when the pointer brought it out', () => {
    expect(change.pointerWent(change.pointerCame(tab)).shown).toBe('tab')
    expect(change.pointerWent(change.show(tab)).shown).toBe('panel')
    expect(change.pointerWent(change.launched(tab)).shown).toBe('panel')
  })

  it('stays out when its tab is pressed while the pointer had brought it out', () => {
    const pressed = change.press(change.pointerCame(tab))
    expect(change.pointerWent(pressed).shown).toBe('panel')
    expect(change.press(pressed).shown).toBe('tab')
  })

  it('goes back by itself after a launch with nothing to tell, and not when the doctor had it out', () => {
    expect(change.nothingToTell(change.launched(tab)).shown).toBe('tab')
    expect(change.nothingToTell(change.launched(change.show(tab))).shown).toBe('panel')
  })

  it('stays hidden when hidden, until it is asked for', () => {
    const hidden = change.hide(change.show(tab))
    for (const next of [change.launched, change.pointerCame, change.slideBack, change.nothingToTell]) expect(next(hidden).shown).toBe('hidden')
    expect(change.toggle(hidden).shown).toBe('panel')
  })
})

describe('what the next page of the HIS remembers', () => {
  it('is edge and state', () => {
    keep(change.dockTo(change.show(tab), 'left'))
    expect(recall('right')).toMatchObject({ edge: 'left', shown: 'panel' })
    keep(change.hide(tab))
    expect(recall('left')).toMatchObject({ edge: 'right', shown: 'hidden' })
  })

  it('is not what came out by itself', () => {
    keep(change.launched(tab))
    expect(recall('right').shown).toBe('tab')
  })

  it.each(['{', '[]', 'null', '{"edge":"top","shown":"everywhere"}'])('is the script tag’s edge after something unreadable: %s', (kept) => {
    localStorage.setItem('mingying.dock', kept)
    expect(recall('left')).toMatchObject({ edge: 'left', shown: 'tab' })
  })
})

describe('the hotkey', () => {
  const pressed = (key: string, code: string, more: KeyboardEventInit = {}) => new KeyboardEvent('keydown', { key, code, ...more })

  it('is found by its place when Alt makes another letter of it', () => {
    expect(isHotkey(pressed('µ', 'KeyM', { altKey: true }), 'Alt+M')).toBe(true)
  })

  it('needs exactly its modifiers', () => {
    expect(isHotkey(pressed('m', 'KeyM'), 'Alt+M')).toBe(false)
    expect(isHotkey(pressed('m', 'KeyM', { altKey: true, ctrlKey: true }), 'Alt+M')).toBe(false)
    expect(isHotkey(pressed('F9', 'F9', { ctrlKey: true, shiftKey: true }), 'Ctrl+Shift+F9')).toBe(true)
  })
})
