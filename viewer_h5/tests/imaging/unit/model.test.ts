import { describe, expect, it } from 'vitest'

import type { ManifestInstance, ManifestSeries, SeriesBrief } from '@/imaging/contract'
import { framesToDrop, wantedFrames } from '@/imaging/model/cacheWindow'
import { pictureSizeOf, pixelAspectOf } from '@/imaging/model/geometry'
import { asOpened, clampedIndex, firstSeries, framesOf, indexOfKey, slicesForDrag } from '@/imaging/model/stack'
import { FITTED, fittedSize, keptInStage, MAX_ZOOM, pannedBy, zoomAbout } from '@/imaging/model/view'

const brief = (over: Partial<SeriesBrief> = {}): SeriesBrief => ({
  series_instance_uid: '1',
  modality: 'CT',
  series_number: 1,
  description: '',
  kind: 'image',
  instance_count: 1,
  frame_count: 1,
  key: null,
  has_preview: true,
  ...over,
})
const instance = (sop: string, frames = 1): ManifestInstance => ({
  sop_instance_uid: sop,
  instance_number: null,
  frames,
  has_preview: true,
  web_frame: true,
  metadata: {},
})
const stack = (...instances: ManifestInstance[]): ManifestSeries => ({ ...brief(), instances })

describe('a stack', () => {
  it('unrolls multi-frame instances where they stand', () => {
    const frames = framesOf(stack(instance('a'), instance('b', 3), instance('c')))
    expect(frames.map((f) => [f.instance.sop_instance_uid, f.frameNumber])).toEqual([['a', 1], ['b', 1], ['b', 2], ['b', 3], ['c', 1]])
  })

  it('starts at the key picture, or in the middle when that is not there', () => {
    const frames = framesOf(stack(instance('a'), instance('b', 2), instance('c')))
    expect(indexOfKey(frames, { sop_instance_uid: 'b', frame_number: 2 })).toBe(2)
    expect(indexOfKey(frames, { sop_instance_uid: 'gone', frame_number: 1 })).toBe(2)
    expect(indexOfKey(frames, null)).toBe(2)
  })

  it('opens as the first screen says, and puts what came since at the end', () => {
    const series = (uid: string) => ({ ...stack(instance(uid)), series_instance_uid: uid, key: { sop_instance_uid: uid, frame_number: 1 } })
    const named = { sop_instance_uid: 'named', frame_number: 3 }
    const briefs = [brief({ series_instance_uid: 'b', key: named, body_part: 'CHEST' }), brief({ series_instance_uid: 'a', key: null })]
    const opened = asOpened([series('new'), series('a'), series('b')], briefs)
    expect(opened.map(({ series_instance_uid: uid, key }) => [uid, key?.sop_instance_uid])).toEqual([['b', 'named'], ['a', 'a'], ['new', 'new']])
    expect(opened[0]).toMatchObject({ body_part: 'CHEST', instances: [{ sop_instance_uid: 'b' }] })
  })

  it('ends at both ends', () => {
    expect([clampedIndex(-4, 10), clampedIndex(99, 10), clampedIndex(3, 10), clampedIndex(5, 0)]).toEqual([0, 9, 3, 0])
  })

  it('shows pictures with a preview first', () => {
    const document = brief({ series_instance_uid: 'd', kind: 'document', frame_count: 0, has_preview: false })
    const bare = brief({ series_instance_uid: 'b', has_preview: false })
    const full = brief({ series_instance_uid: 'f' })
    expect(firstSeries([document, bare, full])).toBe(full)
    expect(firstSeries([document, bare])).toBe(bare)
    expect(firstSeries([document])).toBe(document)
    expect(firstSeries([])).toBeUndefined()
  })
})

describe('paging by a drag', () => {
  it('loses no pixel between moves', () => {
    let rest = 0
    let turned = 0
    for (let i = 0; i < 100; i++) {
      const move = slicesForDrag(rest, 1.5, 100, 800)
      rest = move.rest
      turned += move.slices
    }
    expect(turned).toBe(Math.trunc(150 / 8))
  })

  it('neither flickers through large stacks nor sticks in small ones', () => {
    expect(slicesForDrag(0, 40, 2000, 800).slices).toBe(10)
    expect(slicesForDrag(0, -64, 3, 800)).toEqual({ slices: -2, rest: 0 })
  })
})

describe('zoom and pan', () => {
  it('keep the point under the finger', () => {
    const before = { zoom: 1.5, panX: 12, panY: -30 }
    const after = zoomAbout(before, 2, 80, 40)
    const onPicture = (view: typeof before) => [(80 - view.panX) / view.zoom, (40 - view.panY) / view.zoom]
    expect(onPicture(after)).toEqual(onPicture(before))
    expect(after.zoom).toBe(3)
  })

  it('stop at the largest zoom without drifting', () => {
    const most = { zoom: MAX_ZOOM, panX: 5, panY: 5 }
    expect(zoomAbout(most, 4, 100, 100)).toEqual(most)
  })

  it('cannot lose the picture', () => {
    const stage = { width: 360, height: 400 }
    const kept = keptInStage(pannedBy(FITTED, 9999, -9999), { width: 360, height: 360 }, stage)
    // its left edge is still a quarter of the stage from the right, its lower edge a quarter from the top
    expect(kept.panX).toBe(360 - 90)
    expect(kept.panY).toBe(-(380 - 100))
  })

  it('fit by spacing, not by pixels', () => {
    expect(fittedSize({ width: 100, height: 100 }, { width: 400, height: 400 }, 2)).toEqual({ width: 200, height: 400 })
  })
})

describe('the shape of a pixel', () => {
  it('is row spacing over column spacing, from whichever attribute says it', () => {
    expect(pixelAspectOf({ '00280030': { vr: 'DS', Value: [1.2, 0.8] } })).toBeCloseTo(1.5)
    expect(pixelAspectOf({ '00181164': { vr: 'DS', Value: ['0.3', '0.1'] } })).toBeCloseTo(3)
    expect(pixelAspectOf({ '00280030': { vr: 'DS', Value: [0, 0] } })).toBe(1)
    expect(pixelAspectOf({})).toBe(1)
    expect(pictureSizeOf({ '00280010': { vr: 'US', Value: [3] }, '00280011': { vr: 'US', Value: [4] } })).toEqual({ width: 4, height: 3 })
  })
})

describe('what is kept near the view', () => {
  it('lies ahead more than behind', () => {
    expect(wantedFrames({ index: 5, count: 10, direction: 1, ahead: 4, behind: 2 })).toEqual([5, 6, 7, 4, 8, 9, 3])
    expect(wantedFrames({ index: 5, count: 10, direction: -1, ahead: 2, behind: 1 })).toEqual([5, 4, 3, 6])
  })

  it('holds no frame twice and none outside the stack', () => {
    for (let index = 0; index < 7; index++) {
      const wanted = wantedFrames({ index, count: 7, direction: 1, ahead: 5, behind: 3 })
      expect(new Set(wanted).size).toBe(wanted.length)
      expect(wanted.every((i) => i >= 0 && i < 7)).toBe(true)
      expect(wanted[0]).toBe(index)
    }
  })

  it('gives up the farthest first and the picture in view never', () => {
    const kept = new Map([[1, 40], [5, 40], [9, 40], [20, 40]])
    expect(framesToDrop(kept, 5, 100)).toEqual([20, 1])
    expect(framesToDrop(new Map([[5, 500]]), 5, 100)).toEqual([])
  })
})
