import { describe, expect, it } from 'vitest'

import { StudyAddresses } from '@/imaging/net/addresses'
import { isAbort, LoadError } from '@/imaging/net/errors'
import { loadManifest } from '@/imaging/net/manifestLoader'
import { RequestQueue } from '@/imaging/net/requestQueue'
import { SlidingStore, type Loaded } from '@/imaging/net/slidingStore'
import { Transport } from '@/imaging/net/transport'

/** A server that gives the listed answers in turn; an Error means no answer at all. */
function answering(...answers: (Response | Error)[]) {
  const waits: number[] = []
  const asked: string[] = []
  const transport = new Transport({
    fetch: async (input) => {
      asked.push(String(input))
      const answer = answers.shift() ?? new Response(null, { status: 500 })
      if (answer instanceof Error) throw answer
      return answer
    },
    sleep: async (milliseconds) => void waits.push(milliseconds),
    delays: [10, 20],
  })
  return { transport, waits, asked }
}

describe('a request', () => {
  it('is tried again after a broken line and a busy server', async () => {
    const { transport, waits } = answering(new TypeError('net'), new Response(null, { status: 503 }), new Response('ok'))
    const { body } = await transport.bytes('/x')
    expect(new TextDecoder().decode(body)).toBe('ok')
    expect(waits).toEqual([10, 20])
  })

  it('gives up after the last try and says why', async () => {
    const line = answering(new TypeError('net'), new TypeError('net'), new TypeError('net'))
    await expect(line.transport.bytes('/x')).rejects.toMatchObject({ name: 'LoadError', kind: 'offline' })
    const busy = answering(...[1, 2, 3].map(() => new Response(null, { status: 500 })))
    await expect(busy.transport.bytes('/x')).rejects.toMatchObject({ kind: 'server' })
  })

  it('is not repeated when the answer is no', async () => {
    for (const [status, kind] of [[401, 'signed-out'], [404, 'missing'], [403, 'missing']] as const) {
      const { transport, asked } = answering(new Response(null, { status }))
      await expect(transport.bytes('/x')).rejects.toMatchObject({ kind })
      expect(asked).toHaveLength(1)
    }
  })

  it('is not tried again while the device knows it has no network', async () => {
    const asked: string[] = []
    const transport = new Transport({
      fetch: async (input) => {
        asked.push(String(input))
        throw new TypeError('net')
      },
      isOffline: () => true,
    })
    await expect(transport.bytes('/x')).rejects.toMatchObject({ kind: 'offline' })
    expect(asked).toEqual(['/x'])
  })

  it('that was given up is no failure', async () => {
    const controller = new AbortController()
    const transport = new Transport({
      fetch: async () => {
        controller.abort()
        throw new DOMException('aborted', 'AbortError')
      },
    })
    const error = await transport.bytes('/x', { signal: controller.signal }).catch((e: unknown) => e)
    expect(isAbort(error)).toBe(true)
  })

  it('tells how far it is', async () => {
    const seen: number[] = []
    const { transport } = answering(new Response(new Uint8Array(5), { headers: { 'Content-Length': '5' } }))
    await transport.bytes('/x', { onProgress: (received, total) => seen.push(received / total) })
    expect(seen.at(-1)).toBe(1)
  })
})

describe('the manifest', () => {
  it('is asked for again while it is being prepared, ever more slowly', async () => {
    const preparing = () => new Response('{"state":"preparing"}', { status: 202 })
    const { transport } = answering(preparing(), preparing(), new Response('{"version":"7","series":[]}'))
    const waits: number[] = []
    let told = 0
    const manifest = await loadManifest(new StudyAddresses('/api', '1.2'), transport, {
      signal: new AbortController().signal,
      onPreparing: () => told++,
      sleep: async (milliseconds) => void waits.push(milliseconds),
    })
    expect(manifest.version).toBe('7')
    expect(told).toBe(2)
    expect(waits).toEqual([2000, 3000])
  })
})

describe('addresses', () => {
  it('carry the version once it is known, so that they may be cached for good', () => {
    expect(new StudyAddresses('/api', '1.2', 7).pixels('3.4', 5)).toBe('/api/studies/1.2/instances/3.4/frames/5?v=7')
    expect(new StudyAddresses('/api', '1.2').preview('3.4', 1)).toBe('/api/studies/1.2/instances/3.4/frames/1/preview')
  })
})

/** Jobs that finish when told to. */
function controlled() {
  const started: string[] = []
  const open = new Map<string, { resolve: (value: string) => void; reject: (error: unknown) => void }>()
  const job = (name: string) => (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      started.push(name)
      open.set(name, { resolve, reject })
      signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError')))
    })
  const finish = async (name: string) => {
    open.get(name)?.resolve(name)
    await new Promise((tick) => setTimeout(tick))
  }
  return { started, job, finish }
}

describe('the request queue', () => {
  it('serves the finger before thumbnails, thumbnails before guesses', async () => {
    const { started, job, finish } = controlled()
    const queue = new RequestQueue(1)
    void queue.add('interaction', job('first'))
    void queue.add('prefetch', job('guess'))
    void queue.add('thumbnail', job('thumb'))
    void queue.add('interaction', job('finger'))
    await finish('first')
    await finish('finger')
    expect(started).toEqual(['first', 'finger', 'thumb'])
  })

  it('serves the newest page turn first: older ones no longer matter', async () => {
    const { started, job, finish } = controlled()
    const queue = new RequestQueue(1)
    for (const name of ['a', 'b', 'c']) void queue.add('interaction', job(name))
    await finish('a')
    expect(started).toEqual(['a', 'c'])
  })

  it('keeps one slot free of guesses', () => {
    const { started, job } = controlled()
    const queue = new RequestQueue(2)
    void queue.add('prefetch', job('guess 1'))
    void queue.add('prefetch', job('guess 2'))
    expect(started).toEqual(['guess 1'])
    void queue.add('interaction', job('finger'))
    expect(started).toEqual(['guess 1', 'finger'])
  })

  it('drops a waiting request and stops a running one', async () => {
    const { started, job } = controlled()
    const queue = new RequestQueue(1)
    const running = queue.add('interaction', job('running'))
    const waiting = queue.add('interaction', job('waiting'))
    waiting.cancel()
    running.cancel()
    for (const { promise } of [running, waiting]) expect(isAbort(await promise.catch((e: unknown) => e))).toBe(true)
    expect(started).toEqual(['running'])
  })

  it('lets a guess become urgent', async () => {
    const { started, job, finish } = controlled()
    const queue = new RequestQueue(2)
    void queue.add('interaction', job('a'))
    void queue.add('interaction', job('b'))
    const guess = queue.add('prefetch', job('guess'))
    void queue.add('thumbnail', job('thumb'))
    guess.promote('interaction')
    await finish('a')
    expect(started.at(-1)).toBe('guess')
  })
})

describe('the sliding store', () => {
  const made = (cap: number, over: { fail?: Set<number> } = {}) => {
    const loads: number[] = []
    const dropped: number[] = []
    const store = new SlidingStore<string>({
      count: 100,
      queue: new RequestQueue(4),
      capBytes: cap,
      ahead: 4,
      behind: 2,
      load: async (index): Promise<Loaded<string>> => {
        loads.push(index)
        if (over.fail?.delete(index)) throw new LoadError('server', 'once')
        return { value: `#${index}`, bytes: 10 }
      },
      drop: (_, index) => dropped.push(index),
    })
    return { store, loads, dropped }
  }
  const settle = () => new Promise((tick) => setTimeout(tick, 5))

  it('gives the picture asked for and fetches its neighbours', async () => {
    const { store, loads } = made(1000)
    expect(await store.at(50)).toBe('#50')
    await settle()
    expect(loads).toEqual([50, 51, 52, 49, 53, 54, 48])
    expect(store.peek(53)).toBe('#53')
  })

  it('never holds more than its cap, wherever it goes', async () => {
    const { store, dropped } = made(50)
    for (let index = 0; index < 100; index += 3) {
      await store.at(index)
      await settle()
      expect(store.keptBytes()).toBeLessThanOrEqual(50)
      expect(store.peek(index)).toBe(`#${index}`)
    }
    expect(dropped.length).toBeGreaterThan(50)
  })

  it('does not fetch what the cap would throw out again', async () => {
    const { store, loads } = made(30)
    await store.at(50)
    await settle()
    await store.at(50)
    await settle()
    expect(loads).toEqual([50, 51, 52])
  })

  it('reports a failure and succeeds when asked again', async () => {
    const { store } = made(1000, { fail: new Set([7]) })
    await expect(store.at(7)).rejects.toBeInstanceOf(LoadError)
    expect(await store.at(7)).toBe('#7')
  })

  it('guesses nothing while nobody looks', async () => {
    const { store, loads } = made(1000)
    store.setPrefetching(false)
    await store.at(10)
    await settle()
    expect(loads).toEqual([10])
  })

  it('lets go of everything when closed', async () => {
    const { store, dropped } = made(1000)
    await store.at(3)
    await settle()
    store.close()
    expect(dropped.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(store.keptBytes()).toBe(0)
  })
})
