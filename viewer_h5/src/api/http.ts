/** The one door to the service: JSON in, JSON out, every failure a `Problem`. */
import { offline, Problem, problemFrom } from './problem'

let signedOut: (problem: Problem) => void = () => undefined

/** Called on every 401, before the caller sees the problem. */
export function onSignedOut(listener: (problem: Problem) => void): void {
  signedOut = listener
}

/** Give every refusal the same way out. */
export function refuse(status: number, body: string, retryAfter: string | null): Problem {
  const problem = problemFrom(status, body, retryAfter)
  if (status === 401) signedOut(problem)
  return problem
}

/** `under` is an answer already on its way. Throws a `Problem`, or the browser's own AbortError. */
export async function send(path: string, init: RequestInit = {}, under: Promise<Response> | null = null): Promise<Response> {
  let response: Response
  try {
    response = await (under ?? fetch(path, { credentials: 'same-origin', ...init }))
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw offline()
  }
  if (!response.ok) throw refuse(response.status, await response.text(), response.headers.get('Retry-After'))
  return response
}

async function parsed<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T
  } catch {
    throw problemFrom(response.status, '', null)
  }
}

export async function get<T>(path: string, under: Promise<Response> | null = null): Promise<T> {
  return parsed<T>(await send(path, {}, under))
}

export function jsonInit(method: string, body: unknown): RequestInit {
  return { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  return parsed<T>(await send(path, jsonInit('POST', body)))
}

export async function put<T>(path: string, body: unknown): Promise<T> {
  return parsed<T>(await send(path, jsonInit('PUT', body)))
}

/** Posts where nothing but success is answered (204). */
export async function tell(path: string, body: unknown = {}): Promise<void> {
  await send(path, jsonInit('POST', body))
}

export async function remove(path: string): Promise<void> {
  await send(path, { method: 'DELETE' })
}

/** Sends one file as multipart. XMLHttpRequest, because `fetch` tells nothing about bytes sent. */
export function upload<T>(path: string, file: File, onProgress: (sent: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', path)
    request.upload.onprogress = (event) => onProgress(event.total ? event.loaded / event.total : 0)
    request.onerror = () => reject(offline())
    request.onload = () => {
      if (request.status < 200 || request.status >= 300) {
        reject(refuse(request.status, request.responseText, request.getResponseHeader('Retry-After')))
        return
      }
      try {
        resolve(JSON.parse(request.responseText) as T)
      } catch {
        reject(problemFrom(request.status, '', null))
      }
    }
    const form = new FormData()
    form.append('file', file)
    request.send(form)
  })
}
