import { currencyColumn, keysOf } from '../api/catalogue'
import type { ColumnInfo } from '../api/catalogue'
import type { Asked, Row, Top } from '../api/report'
import { show } from '../format/value'

interface Props {
  asked: Asked
  top: Top
  measure: ColumnInfo
  zone: string
}

/** Bars in a table: what is seen as a length is read as a figure. */
export function Bars({ asked, top, measure, zone }: Props) {
  const currency = currencyColumn(asked.report, measure)
  const keys = keysOf(asked.report, asked.view.parameters)
  const label = (row: Row) => keys.map((key) => show(key, row[key.name], null, zone).text).join(' · ')
  const bars = [
    ...top.rows.map((row) => ({ text: label(row), row })),
    ...(top.others ? [{ text: `${top.otherRowCount.toLocaleString('en')} others`, row: top.others }] : []),
  ]
  const size = (row: Row) => Math.abs(Number(row[measure.name] ?? 0))
  const largest = Math.max(...bars.map(({ row }) => size(row)), Number.MIN_VALUE)
  if (bars.length === 0) return <p className="muted">Nothing to draw.</p>
  return (
    <table className="bars">
      <tbody>
        {bars.map(({ text, row }, index) => (
          <tr key={index} className={row === top.others ? 'others' : undefined}>
            <th scope="row" title={text}>
              {text}
            </th>
            <td>
              <div className="bar" style={{ inlineSize: `${(100 * size(row)) / largest}%` }} />
            </td>
            <td className="figure">{show(measure, row[measure.name], currency && row[currency.name], zone).text}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
