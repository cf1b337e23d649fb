// The hospital's clock, wherever the workstation thinks it is.
const ZONE = 'Asia/Shanghai'
const day = new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE })
const minute = new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** A point in time as short as it can be said: the time of day today, else the day. */
export function shortMoment(iso: string, now = new Date()): string {
  const moment = new Date(iso)
  return day.format(moment) === day.format(now) ? minute.format(moment) : day.format(moment)
}
