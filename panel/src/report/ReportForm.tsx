import { useMemo, useState } from 'react'
import type { ReportInfo } from '../api/catalogue'
import { presetOf, presetRange, PRESETS } from '../time/presets'
import type { Preset } from '../time/presets'
import { zones } from '../time/zone'
import type { CountingBasis } from '../view/viewState'
import { inZone, rangeOf } from './draft'
import type { Draft } from './draft'
import { ParameterFields } from './ParameterFields'
import { Progress } from './Progress'

interface Props {
  report: ReportInfo
  draft: Draft
  running: boolean
  /** By which the form knows a preset. */
  now: number
  onChange: (draft: Draft) => void
  onGenerate: (range: { from: string; to: string }) => void
  onCancel: () => void
}

export function ReportForm({ report, draft, running, now, onChange, onGenerate, onCancel }: Props) {
  const [refused, setRefused] = useState<string | null>(null)
  const known = useMemo(() => zones(), [])
  const change = (part: Partial<Draft>) => onChange({ ...draft, ...part })
  return (
    <form
      className="report-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        const range = rangeOf(draft)
        setRefused(typeof range === 'string' ? range : null)
        if (typeof range !== 'string') onGenerate(range)
      }}
    >
      <div className="fields">
        <label>
          Range
          <select
            value={presetOf(draft, draft.zone, now) ?? 'other'}
            onChange={({ target }) => {
              if (target.value !== 'other') change(presetRange(target.value as Preset, draft.zone, Date.now()))
            }}
          >
            {Object.entries(PRESETS).map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
            <option value="other">Other</option>
          </select>
        </label>
        <label>
          From
          <input
            type="datetime-local"
            step={60}
            required
            value={draft.from}
            onChange={(event) => change({ from: event.target.value })}
          />
        </label>
        <label title="The range ends before this moment">
          To
          <input
            type="datetime-local"
            step={60}
            required
            value={draft.to}
            onChange={(event) => change({ to: event.target.value })}
          />
        </label>
        <label>
          Time zone
          <select value={draft.zone} onChange={(event) => onChange(inZone(draft, event.target.value, Date.now()))}>
            {!known.includes(draft.zone) && <option>{draft.zone}</option>}
            {known.map((zone) => (
              <option key={zone}>{zone}</option>
            ))}
          </select>
        </label>
        <label title="What one attempt is: a call, or each route attempt of it">
          Counting
          <select
            value={draft.basis}
            onChange={(event) => change({ basis: event.target.value as CountingBasis })}
          >
            <option value="CALL">Calls</option>
            <option value="ATTEMPT">Route attempts</option>
          </select>
        </label>
        <ParameterFields
          parameters={report.parameters}
          given={draft.parameters}
          onChange={(parameters) => change({ parameters })}
        />
        <div className="actions">
          <button type="submit" className="primary">
            Generate Report
          </button>
          <div aria-live="polite">{running && <Progress onCancel={onCancel} />}</div>
        </div>
      </div>
      {refused && (
        <p className="notice problem" role="alert">
          {refused}
        </p>
      )}
    </form>
  )
}
