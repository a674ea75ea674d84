import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { currencyColumn } from '../api/catalogue'
import type { ColumnInfo, ReportInfo } from '../api/catalogue'
import type { Bucket } from '../api/report'
import { moment, show } from '../format/value'
import { wallMinute } from '../time/zone'

interface Props {
  buckets: Bucket[]
  measure: ColumnInfo
  report: ReportInfo
  zone: string
}

const HEIGHT = 200

/** Dates, and times of the day where several ticks share a date. */
function labels(ticks: number[], zone: string): string[] {
  const walls = ticks.map((tick) => wallMinute(tick * 1000, zone).split('T') as [string, string])
  const days = new Set(walls.map(([day]) => day)).size
  return walls.map(([day, time]) => (days === ticks.length ? day : time === '00:00' ? day : time))
}

function options(width: number, { measure, zone }: Props, style: CSSStyleDeclaration): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: style.getPropertyValue('color'),
    grid: { stroke: style.getPropertyValue('border-color'), width: 1 },
    ticks: { show: false },
    font: `12px ${style.getPropertyValue('font-family')}`,
  }
  return {
    width,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    legend: { live: false, show: false },
    series: [{}, { stroke: style.getPropertyValue('accent-color'), width: 2, points: { show: true, size: 4 } }],
    scales: { y: { range: (_, least, most) => [Math.min(0, least), most > 0 ? most * 1.05 : 1] } },
    axes: [
      { ...axis, space: 90, size: 30, values: (_, ticks) => labels(ticks, zone) },
       { ...axis, size: 90, values: (_, ticks) => ticks.map((tick) => show(measure, tick, null, zone).text) },
    ],
  }
}

/** A figure over time; the same figures are in a table for those who do not see the line. */
export default function Line(props: Props) {
  const { buckets, measure, report, zone } = props
  const place = useRef<HTMLDivElement>(null)
  const currency = currencyColumn(report, measure)
  useEffect(() => {
    const element = place.current
    if (!element) return
    const xs = buckets.map((bucket) => Date.parse(bucket.start) / 1000)
    const ys = buckets.map((bucket) => (bucket[measure.name] === null ? null : Number(bucket[measure.name])))
    const data: uPlot.AlignedData = [xs, ys]
    let plot: uPlot | null = null
    const draw = () => {
      plot?.destroy()
      plot = new uPlot(options(element.clientWidth, { buckets, measure, report, zone }, getComputedStyle(element)), data, element)
    }
    const sizes = new ResizeObserver(draw)
    sizes.observe(element)
    const themes = new MutationObserver(draw)
    themes.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => {
      sizes.disconnect()
      themes.disconnect()
      plot?.destroy()
    }
  }, [buckets, measure, report, zone])
  return (
    <>
      <div className="line" ref={place} aria-hidden="true" />
      <div className="unseen">
        <table>
          <caption>{measure.title} over time</caption>
          <tbody>
            {buckets.map((bucket) => (
              <tr key={bucket.start}>
                <th scope="row">{moment(bucket.start, zone).text}</th>
                <td>{show(measure, bucket[measure.name], currency && bucket[currency.name], zone).text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  )
}
