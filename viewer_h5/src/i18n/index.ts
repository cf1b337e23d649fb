/** Words on the screen. One language, so a typed catalogue and no message library (decisions/001). */
export { words } from './zh-CN/core'
export { formatDate, formatDateTime, modalityName, reportTitle, sideName } from './format'
