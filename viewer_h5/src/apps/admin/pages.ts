/** Which part of the console is for whom; the service refuses the rest whatever the page shows. */
export interface Part {
  name: 'accounts' | 'cases' | 'codes' | 'institutions' | 'retention' | 'normalisation' | 'quality' | 'workstations' | 'audit'
  roles: readonly string[]
}

const PARTS: readonly Part[] = [
  { name: 'accounts', roles: ['system_administrator', 'security_administrator'] },
  { name: 'cases', roles: ['system_administrator'] },
  { name: 'codes', roles: ['system_administrator'] },
  { name: 'institutions', roles: ['system_administrator'] },
  { name: 'retention', roles: ['system_administrator', 'security_administrator'] },
  { name: 'normalisation', roles: ['system_administrator'] },
  { name: 'quality', roles: ['system_administrator'] },
  { name: 'workstations', roles: ['system_administrator'] },
  { name: 'audit', roles: ['auditor'] },
]

/** Everyone who has any business here. */
export const ADMIN_ROLES: readonly string[] = [...new Set(PARTS.flatMap((part) => part.roles))]

export function partsOf(roles: readonly string[]): Part[] {
  return PARTS.filter((part) => part.roles.some((role) => roles.includes(role)))
}
