/** The door: before anybody is known. Loaded with the part that says it. */
export const doorWords = {
  title: '查看检查报告',
  lead: '为保护您的隐私，请先验证身份',
  privacyShort: '验证前不会显示任何个人信息',
  methods: '验证方式',
  byPhone: '手机号验证',
  byIdNumber: '证件号验证',
  phone: '登记时留的手机号',
  phoneHint: '挂号或检查时登记的号码，可以是家属的',
  code: '短信验证码',
  codeHint: (length: number) => `${length} 位数字`,
  sendCode: '获取验证码',
  resend: '重新获取',
  resendIn: (seconds: number) => `${seconds} 秒后可重新获取`,
  codeSent: '如果号码与登记一致，验证码会在一分钟内送达。收到后慢慢填，不必着急。',
  idNumber: '身份证号或其他证件号',
  idNumberHint: '与检查登记时使用的证件一致，末位 X 也可以填',
  submit: '查看报告',
  submitting: '正在验证…',
  phoneMissing: '请填写手机号',
  codeMissing: '请填写收到的验证码',
  idNumberMissing: '请填写证件号',
  consentMissing: '请先阅读并勾选同意',
  triesLeft: (tries: number) => `还可以再试 ${tries} 次`,
  lastTry: '还可以再试 1 次，请仔细核对后再提交',
  locked: '暂时不能再试',
  lockedFor: (minutes: number) => `请在约 ${minutes} 分钟后再试，或拨打医院电话核对登记信息。`,
  lockedOpen: '请过一会儿再试，或拨打医院电话核对登记信息。',
  callHospital: (phone: string) => `拨打医院电话 ${phone}`,
  consent: '我已阅读并同意',
  notice: '《个人信息处理说明》',
  opening: '正在打开…',
  operator: (name: string) => `运营：${name}`,
  certificate: (name: string, number: string) => `${name} ${number}`,
}

export const noLinkWords = {
  title: '请扫描报告单上的二维码',
  lead: '为保护隐私，检查结果只能从报告单上的二维码或医院发送的短信链接打开。',
  steps: ['找到纸质报告单上的二维码', '用微信或手机相机扫一扫', '验证手机号或证件号后查看'],
  lost: '报告单不在手边？可以联系医院补发。',
}

/** Coming from an outside citizen platform. What is not found is said without telling whether anybody is. */
export const citizenWords = {
  or: '也可以用已实名的平台账号进入',
  enterBy: (title: string) => `用${title}进入`,
  hereTitle: '身份已由平台核验',
  here: '您已在外部平台完成实名认证，不需要再次验证。',
  open: '查看我的检查',
  agreeFirst: '请先阅读并勾选同意',
  nothing: ['没有可以显示的检查', '按您在平台实名的证件，本院目前没有可以显示的检查。登记时用了别的证件、或结果还没有出来，都会这样。可以扫描报告单上的二维码查看，或联系医院核对登记信息。'],
  refused: ['没有完成登录', '这次登录没有完成，或链接已经用过、过期了。请回到平台重新进入。'],
  unavailable: ['平台暂时连不上', '外部平台现在没有回应，请过一会儿再试。您也可以扫描报告单上的二维码查看。'],
} as const

export const endedWords = {
  title: '页面已自动退出',
  detail: '为保护您的隐私，一段时间后会自动退出。请重新扫描报告单上的二维码，验证后继续查看。',
  left: '已安全退出',
  leftDetail: '这台手机上不再保留您的检查信息。',
  share: '分享已结束',
  shareDetail: '对方停止了分享，或者有效期已到。页面已关闭，这台设备上不再显示内容。如需继续查看，请联系分享给您的人。',
  doctor: '调阅已结束',
  doctorDetail: '打开的时间已到。如需继续查看，请在插件里重新打开。',
}

export const passcodeWords = {
  title: '有人向您分享了一次检查',
  lead: '请输入对方告诉您的口令',
  leadOpen: '点下面的按钮查看',
  passcode: '口令',
  hint: '4 至 12 个字符，不分大小写',
  missing: '请填写口令',
  submit: '查看分享',
  lockedFor: (minutes: number) => `请在约 ${minutes} 分钟后再试，或请对方重新分享。`,
  wrong: '口令不对，请向分享的人核对。',
  courtesy: '这是他人的健康信息，请勿转发或公开。',
}
