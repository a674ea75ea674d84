import type { ReportInfo } from '../api/catalogue'
import { literal } from '../api/document'
import { combinations, conditions, isEmpty, withCondition } from '../view/filter'
import type { Filter } from '../view/filter'
import { describe } from './operators'

interface Props {
  report: ReportInfo
  where: Filter
  onChange: (where: Filter) => void
}

/** The filters that are set, each with a button to take it away. */
export function FilterChips({ report, where, onChange }: Props) {
  if (isEmpty(where)) return null
  const chips = [
    ...conditions(where).map(([name, condition]) => {
      const column = report.columns.find((each) => each.name === name)
      return { name, text: column ? describe(column, condition) : `${name} ${literal(condition)}` }
    }),
    ...combinations(where).map(([name, value]) => ({ name, text: `${name} ${literal(value)}` })),
  ]
  return (
    <ul className="chips" aria-label="Filters">
      {chips.map(({ name, text }) => (
        <li key={name}>
          {text}
          <button
            type="button"
            className="quiet"
            aria-label={`Remove filter: ${text}`}
            onClick={() => onChange(withCondition(where, name, null))}
          >
            ✕
          </button>
        </li>
      ))}
      {chips.length > 1 && (
        <li>
          <button type="button" className="quiet" onClick={() => onChange({})}>
            Remove all filters
          </button>
        </li>
      )}
    </ul>
  )
}
