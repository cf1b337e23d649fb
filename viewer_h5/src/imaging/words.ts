import type { SeriesKind } from './contract'
import type { FailureKind } from './net/errors'

/** What the imaging pane says. */
export const words = {
  pane: '影像',
  series: '序列',
  strip: '选择序列',
  seriesNumber: (n: number) => `序列 ${n}`,
  frames: (count: number) => `${count} 幅`,
  slice: (n: number, count: number) => `第 ${n} / ${count} 幅`,
  stage: (name: string, n: number, count: number) => `${name}，第 ${n} 幅，共 ${count} 幅。方向键翻页，加减键缩放，0 键复位`,
  previous: '上一幅',
  next: '下一幅',
  slider: '翻页',
  preview: 'JPG 预览',
  dicom: 'DICOM 原图',
  mode: '图像类型',
  notDiagnostic: '预览图，非诊断用',
  lossless: 'DICOM 原图 · 无损',
  window: (width: number, center: number) => `窗宽 ${shortNumber(width)}  窗位 ${shortNumber(center)}`,
  zoom: (zoom: number) => `${zoom.toFixed(1)}×`,
  tools: '单指操作',
  tool: { page: '翻页', window: '调窗', pan: '移动' },
  reset: '复位',
  presets: '窗宽窗位',
  defaultWindow: '默认窗',
  opening: '正在打开原图…',
  loading: '正在加载…',
  loadingSlice: (n: number) => `正在加载第 ${n} 幅…`,
  preparing: '影像正在准备，好了会自动显示',
  retry: '再试一次',
  failure: {
    offline: '网络断开了，联网后会自动继续',
    'signed-out': '登录已失效，请重新验证后查看',
    missing: '这一幅暂时取不到',
    server: '服务暂时没有回应，请稍后再试',
    broken: '这一幅没能正确显示，请看预览图或再试一次',
  } satisfies Record<FailureKind, string>,
  noPreview: '这一组没有预览图，已直接显示 DICOM 原图',
  noPreviewHere: '这一幅没有预览图，已直接显示 DICOM 原图',
  previewMissing: '这一幅的预览图取不到，可点“DICOM 原图”查看',
  noWebFrame: '这一幅没有可在网页显示的原图',
  nothing: '这一幅既没有预览图，也没有可在网页显示的原图。原始文件已完整保存，可请医院调阅。',
  noWebGl: '这台设备的浏览器不支持 WebGL2，不能显示 DICOM 原图；预览图仍可查看（非诊断用）。',
  noWebGlNoPreview: '这台设备的浏览器不支持 WebGL2，不能显示 DICOM 原图，这一组也没有预览图。请换一台较新的手机或电脑查看。',
  noSeries: '这次检查没有可显示的影像',
  kind: { image: '影像', document: '文档', waveform: '波形', other: '其他资料' } satisfies Record<SeriesKind, string>,
  ecg: {
    tools: '心电图显示',
    speed: '走速',
    gain: '增益',
    smaller: '缩小',
    larger: '放大',
    sheet: (leads: string[], seconds: number) => `心电图，${leads.length} 个导联（${leads.join('、')}），共 ${seconds} 秒。方向键移动`,
    foot: (speed: number, gain: number) => `${speed} mm/s　${gain} mm/mV　每小格 ${(1 / speed).toFixed(2)} 秒、${(1 / gain).toFixed(2)} mV；屏幕上的毫米不等于纸上的毫米，以格为准。`,
    notDrawn: '这份波形没能按比例画出来，原始数据已完整保存，可请医院调阅。',
  },
  notPictures: {
    image: '',
    document: '这一组是文档，不是影像。',
    waveform: '这一组是波形（如心电图），不是影像，这里暂不能显示。',
    other: '这一组是随影像保存的其他资料，没有可显示的画面。',
  } satisfies Record<SeriesKind, string>,
}

function shortNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 1)
}
