/**
 * Takes the link's token out of `…/r#TOKEN` and clears it from the address bar at once, so that neither the history,
 * a screenshot nor a shared address gives it away. A fragment never reached the server or its log.
 * The page's own addresses begin with `#/`.
 */
export function takeToken(location: Location, history: History): string | null {
  const token = location.hash.slice(1)
  if (!token || token.startsWith('/')) return null
  history.replaceState(history.state, '', location.pathname + location.search)
  return token
}
