/** 数据规整: what devices wrote, what it was taken for and why; rules about devices. */
import { get, post, put } from './http'

export interface Matcher {
  station_name: string
  ae_title: string
  manufacturer: string
  model_name: string
  serial_number: string
}

export interface DeviceRule {
  matcher: Matcher
  when_modality: string
  when_body_part: string
  modality: string
  body_part_from: '' | 'description' | 'fixed'
  body_part: string
}

export interface RuleVersion {
  version: number
  name: string
  active: boolean
  rule: DeviceRule
  created_at: string
  created_by: string
}

export interface KeptRule {
  rule_key: string
  current: RuleVersion
  earlier: RuleVersion[]
}

export interface Trial {
  matching: number
  looked_at: number
  changing: number
  examples: {
    study_instance_uid: string
    series_instance_uid: string
    modality_before: string
    modality_after: string
    body_part_before: string
    body_part_after: string
  }[]
}

export interface Device {
  device_key: string
  station_name: string
  manufacturer: string
  model_name: string
  serial_number: string
  first_seen_at: string
  last_seen_at: string
  series: number
  with_findings: number
}

export interface FindingCount {
  code: string
  severity: 'error' | 'warning' | 'info'
  findings: number
  studies: number
}

export interface Overview {
  studies: number
  /** Of them, those that are being normalised again. */
  waiting: number
  findings: FindingCount[]
  charsets: { declared: string; rule: string; series: number }[]
  devices: Device[]
  rules: KeptRule[]
  modalities: string[]
  body_parts: string[]
}

export interface Finding {
  code: string
  severity: FindingCount['severity']
  field: string
  raw: string
  proposal: string
  series_instance_uid: string
  study_instance_uid: string
  since: string
}

export interface FieldValue {
  field: string
  raw: string
  value: string
  rule: string
  version: number
}

export interface NormalisedStudy {
  study_instance_uid: string
  normalised_at: string
  waiting: boolean
  modalities: string[]
  body_parts: string[]
  values: FieldValue[]
  series: { series_instance_uid: string; device_key: string; ae_title: string; charset_declared: string; charset_rule: string; values: FieldValue[] }[]
  findings: Finding[]
}

export interface RuleSaved {
  rule: KeptRule
  studies: number
}

const ROOT = '/api/admin/normalisation'

export const normalisation = () => get<Overview>(ROOT)
export const findingsOf = (code: string, device: string) =>
  get<{ total: number; findings: Finding[] }>(`${ROOT}/findings?${new URLSearchParams(device ? { code, device } : { code }).toString()}`)
export const normalisedStudy = (study: string) => get<NormalisedStudy>(`${ROOT}/studies/${encodeURIComponent(study)}`)
export const tryRule = (rule: DeviceRule, rule_key: string) => post<Trial>(`${ROOT}/rules/try`, { rule, rule_key })
export const addRule = (name: string, rule: DeviceRule) => post<RuleSaved>(`${ROOT}/rules`, { name, rule })
export const changeRule = (kept: KeptRule, name: string, rule: DeviceRule, active: boolean) =>
  put<RuleSaved>(`${ROOT}/rules/${kept.rule_key}`, { name, rule, active, seen: kept.current.version })
export const restoreRule = (kept: KeptRule, version: number) =>
  post<RuleSaved>(`${ROOT}/rules/${kept.rule_key}/restore`, { version, seen: kept.current.version })
