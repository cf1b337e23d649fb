import { onScopeDispose, type Ref, ref } from 'vue'

/** Is there room for two columns? */
export function useWide(): Ref<boolean> {
  const query = window.matchMedia('(min-width: 1000px)')
  const wide = ref(query.matches)
  const update = () => {
    wide.value = query.matches
  }
  // addListener: Safari 13 has no addEventListener here.
  query.addListener(update)
  onScopeDispose(() => query.removeListener(update))
  return wide
}
