import type { ExplainedSentence, Finding, FindingStatus, Interpretation } from '@/api/types'

export interface Explained {
  sentence: ExplainedSentence
  finding: Finding | null
}

/** The explanation in the order a worried reader wants: what concerns all, then changes, doubts, and what is normal. */
export interface ExplanationGroups {
  general: Explained[]
  abnormal: Explained[]
  uncertain: Explained[]
  normal: Explained[]
}

export function groupExplanation({ explanation, findings }: Interpretation): ExplanationGroups {
  const groups: ExplanationGroups = { general: [], abnormal: [], uncertain: [], normal: [] }
  for (const sentence of explanation) {
    const finding = (sentence.finding_index === null ? undefined : findings[sentence.finding_index]) ?? null
    const group: FindingStatus | 'general' = finding?.status ?? 'general'
    groups[group].push({ sentence, finding })
  }
  return groups
}

/** Does the report say of everything it names that it is normal? Nothing named is not "normal". */
export function saysAllNormal({ findings, critical }: Interpretation): boolean {
  return !critical && findings.length > 0 && findings.every(({ status }) => status === 'normal')
}
