import { useGridFilter } from 'ag-grid-react'
import type { CustomFilterProps } from 'ag-grid-react'
import { useState } from 'react'
import type { ColumnInfo } from '../api/catalogue'
import type { Row } from '../api/report'
import type { Condition } from '../view/filter'
import { choicesOf, hintOf, operatorsOf, readOperand, writeOperand } from './operators'

interface Props extends CustomFilterProps<Row, unknown, Condition> {
  info: ColumnInfo
  zone: string
}

interface Draft {
  operator: string
  text: string
}

function draftOf(column: ColumnInfo, model: Condition | null): Draft {
  const [operator, operand] = Object.entries(model ?? {})[0] ?? []
  const usual = operatorsOf(column)[0]?.name ?? 'eq'
  return { operator: operator ?? usual, text: operand === undefined ? '' : writeOperand(column, operand) }
}

/** The filter of one column, in the head of the table: an operator, and a value that is sent exactly as typed. */
export function ColumnFilter({ model, onModelChange, info: column, zone, api }: Props) {
  useGridFilter({ doesFilterPass: () => true })
  const [draft, setDraft] = useState(() => draftOf(column, model))
  const [shownModel, setShownModel] = useState(model)
  if (shownModel !== model) {
    setShownModel(model)
    setDraft(draftOf(column, model))
  }
  const [wrong, setWrong] = useState(false)
  const choices = choicesOf(column, draft.operator)
  const text = choices && !choices.some(([value]) => value === draft.text) ? (choices[0]?.[0] ?? '') : draft.text
  return (
    <form
      className="column-filter"
      aria-label={`Filter by ${column.title}`}
      onSubmit={(event) => {
        event.preventDefault()
        const operand = readOperand(column, draft.operator, text, zone)
        setWrong(operand === undefined)
        if (operand === undefined) return
        onModelChange({ [draft.operator]: operand })
        api.hidePopupMenu()
      }}
    >
      <label>
        Operator
        <select value={draft.operator} onChange={(event) => setDraft({ ...draft, operator: event.target.value })}>
          {operatorsOf(column).map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        Value
        {choices ? (
          <select value={text} onChange={(event) => setDraft({ ...draft, text: event.target.value })}>
            {choices.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        ) : (
          <input
            value={text}
            placeholder={hintOf(column)}
            aria-invalid={wrong}
            onChange={(event) => setDraft({ ...draft, text: event.target.value })}
          />
        )}
      </label>
      {wrong && (
        <p className="wrong" role="alert">
          Write {hintOf(column)}.
        </p>
      )}
      <div className="actions">
        <button type="submit" className="primary">
          Apply
        </button>
        <button
          type="button"
          onClick={() => {
            onModelChange(null)
            api.hidePopupMenu()
          }}
        >
          Clear
        </button>
      </div>
    </form>
  )
}
