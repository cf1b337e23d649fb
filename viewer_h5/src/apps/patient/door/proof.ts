import type { Proof, VerificationMethod } from '@/api/types'
import { doorWords } from '@/i18n/zh-CN/door'

export interface DoorInput {
  method: VerificationMethod
  phone: string
  code: string
  idNumber: string
}

const withoutGaps = (text: string) => text.replace(/[\s-]/g, '')

/** Phone keyboards and pasted numbers bring gaps, full-width digits and a small x. */
export function tidyNumber(text: string): string {
  return withoutGaps(text.normalize('NFKC')).toUpperCase()
}

/** The proof to send, or which field is missing and the words for it. The service alone judges what is right. */
export function proofFrom(input: DoorInput): { proof: Proof } | { field: 'phone' | 'code' | 'idNumber'; message: string } {
  if (input.method === 'id_number') {
    const idNumber = tidyNumber(input.idNumber)
    if (!idNumber) return { field: 'idNumber', message: doorWords.idNumberMissing }
    return { proof: { method: 'id_number', id_number: idNumber } }
  }
  const [phone, code] = [tidyNumber(input.phone), tidyNumber(input.code)]
  if (!phone) return { field: 'phone', message: doorWords.phoneMissing }
  if (!code) return { field: 'code', message: doorWords.codeMissing }
  return { proof: { method: 'phone', phone, code } }
}
