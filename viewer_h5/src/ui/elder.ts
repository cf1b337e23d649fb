import { defineStore } from 'pinia'
import { ref, watchEffect } from 'vue'

const KEY = 'mingying.elder'

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) === '1'
  } catch {
    return false // storage is closed in some private windows
  }
}

/** 长辈版: large text and large targets, kept on this phone. */
export const useElder = defineStore('elder', () => {
  const on = ref(remembered())

  watchEffect(() => {
    document.documentElement.toggleAttribute('data-elder', on.value)
    try {
      localStorage.setItem(KEY, on.value ? '1' : '0')
    } catch {
      // not kept, still switched
    }
  })

  return { on }
})
