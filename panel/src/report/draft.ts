import type { Parameters } from '../api/catalogue'
import { presetOf, presetRange } from '../time/presets'
import type { Preset, WallRange } from '../time/presets'
import { instantOf, rfc3339, wallMinute } from '../time/zone'
import type { CountingBasis, ViewState } from '../view/viewState'

/** What the form holds before a report is generated. */
export interface Draft extends WallRange {
  zone: string
  basis: CountingBasis
  parameters: Parameters
}

const USUAL: Preset = 'last7Days'

/** The form of a view; the usual range where the view has none. */
export function draftOf(view: ViewState, zone: string, now: number): Draft {
  const range = view.range
    ? { from: wallMinute(Date.parse(view.range.from), zone), to: wallMinute(Date.parse(view.range.to), zone) }
    : presetRange(USUAL, zone, now)
  return { ...range, zone, basis: view.basis, parameters: view.parameters }
}

/** The draft on another zone's clock: a preset is that preset there, other bounds show the same on the clock. */
export function inZone(draft: Draft, zone: string, now: number): Draft {
  const preset = presetOf(draft, draft.zone, now)
  return { ...draft, ...(preset && presetRange(preset, zone, now)), zone }
}

/** What is to be asked for; a reason in words where the draft is no range. */
export function rangeOf(draft: Draft): { from: string; to: string } | string {
  if (!draft.from || !draft.to) return 'Fill in “From” and “To”.'
  const from = instantOf(draft.from, draft.zone)
  const to = instantOf(draft.to, draft.zone)
  if (from >= to) return '“To” must be later than “From”.'
  return { from: rfc3339(from), to: rfc3339(to) }
}
