import type { ColumnInfo } from '../api/catalogue'

interface Props {
  columns: ColumnInfo[]
  shown: string[]
  onChange: (shown: string[] | null) => void
}

/** Which columns are fetched and shown. At least one stays. */
export function ColumnChooser({ columns, shown, onChange }: Props) {
  const toggle = (name: string, ticked: boolean) => {
    const next = ticked ? [...shown, name] : shown.filter((each) => each !== name)
    const usual = columns.map((each) => each.name)
    onChange(JSON.stringify(next) === JSON.stringify(usual) ? null : next)
  }
  return (
    <>
      {columns.map(({ name, title, description }) => (
        <label key={name} className="tick" title={description}>
          {title}
          <input
            type="checkbox"
            checked={shown.includes(name)}
            disabled={shown.length === 1 && shown[0] === name}
            onChange={(event) => toggle(name, event.target.checked)}
          />
        </label>
      ))}
      <button type="button" onClick={() => onChange(null)}>
        All columns
      </button>
    </>
  )
}
