/** E-reports. Loaded with the part that says it. */
export const documentWords = { pages: (count: number) => `共 ${count} 页`, openOriginal: '打开原件', failed: '这里显示不了，请点“打开原件”。' }
