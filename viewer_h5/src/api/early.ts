/** `index.html` asks for the first screen before any script has arrived; the page picks the answer up here. */
declare global {
  interface Window {
    earlyFirstScreen?: { path: string; response: Promise<Response> }
  }
}

/** The answer already on its way for exactly this address, once; otherwise null. */
export function takeEarly(path: string): Promise<Response> | null {
  const early = window.earlyFirstScreen
  delete window.earlyFirstScreen
  return early?.path === path ? early.response : null
}
