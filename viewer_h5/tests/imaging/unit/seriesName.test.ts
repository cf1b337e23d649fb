import { describe, expect, it } from 'vitest'

import type { SeriesBrief } from '@/imaging/contract'
import { seriesName } from '@/imaging/seriesName'

const named = (modality: string, description: string, over: Partial<SeriesBrief> = {}) =>
  seriesName({
    series_instance_uid: '1', modality, description, series_number: 2, kind: 'image', instance_count: 1, frame_count: 1,
    key: null, has_preview: true, ...over,
  })

describe('the name of a series', () => {
  it.each([
    ['CT', 'Lung 1.25 mm', 'CHEST', '胸部 肺窗'],
    ['CT', 'Chest_LUNG_COR', '', '胸部 肺窗 冠状位'],
    ['CT', 'MEDIASTINUM 5.0', 'CHEST', '胸部 纵隔窗'],
    ['CT', 'Scout', 'HEAD', '头部 定位像'],
    ['CT', 'Abdomen Arterial', 'CHEST', '腹部 动脉期'],
    ['MR', 't2_tse_tra_fs', 'BRAIN', '头部 T2 加权 压脂 横断位'],
    ['MR', 'T2 FLAIR AX', 'HEAD', '头部 水抑制 FLAIR T2 加权 横断位'],
    ['DX', 'CHEST PA', '', '胸部 正位'],
    ['DX', 'L KNEE LAT', 'KNEE', '左膝关节 侧位'],
    ['MG', 'R MLO', 'BREAST', '右乳腺 内外斜位'],
    ['MR', 'RIGHT KNEE PD SAG', '', '右膝关节 质子密度 矢状位'],
    ['CT', 'Recon 3', 'CHEST', '胸部 CT'],
  ])('%s “%s” is Chinese beside the scanner’s own words', (modality, description, body_part, name) => {
    expect(named(modality, description, { body_part })).toEqual({ name, original: description })
  })

  it('is the original where the table knows nothing', () => {
    expect(named('CT', 'Xyz 1')).toEqual({ name: 'Xyz 1', original: '' })
    expect(named('US', 'Lung')).toEqual({ name: 'Lung', original: '' })
  })

  it('is left alone where it is Chinese', () => {
    expect(named('CT', '肺窗 Lung', { body_part: 'CHEST' })).toEqual({ name: '肺窗 Lung', original: '' })
  })

  it('is a number where the scanner gave none', () => {
    expect(named('CT', '')).toEqual({ name: '序列 2', original: '' })
    expect(named('CT', '', { series_number: null })).toEqual({ name: 'CT', original: '' })
  })

  it('names no side where two stand there, and none from a technical letter', () => {
    expect(named('DX', 'L R HAND').name).toBe('手部 X 光片')
    expect(named('CT', 'Chest R 1.25').name).toBe('胸部 CT')
    expect(named('CT', 'COR CTA').name).toBe('COR CTA')
  })
})
