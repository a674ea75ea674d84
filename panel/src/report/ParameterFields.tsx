import { usualValue, valueOf } from '../api/catalogue'
import type { ParameterInfo, Parameters, ParameterValue } from '../api/catalogue'
import { words } from '../format/words'

interface Props {
  parameters: ParameterInfo[]
  given: Parameters
  onChange: (given: Parameters) => void
}

interface FieldProps {
  parameter: ParameterInfo
  value: ParameterValue
  onChange: (value: ParameterValue) => void
}

function Field({ parameter, value, onChange }: FieldProps) {
  if (parameter.values) {
    return (
      <select value={String(value)} onChange={(event) => onChange(event.target.value)}>
        {parameter.values.map((each) => (
          <option key={each} value={each}>
            {words(each)}
          </option>
        ))}
      </select>
    )
  }
  if (parameter.type === 'Boolean') {
    return <input type="checkbox" checked={value === true} onChange={(event) => onChange(event.target.checked)} />
  }
  if (parameter.type === 'Int') {
    return <input type="number" step={1} value={Number(value)} onChange={(event) => onChange(event.target.valueAsNumber || 0)} />
  }
  return <input value={String(value)} onChange={(event) => onChange(event.target.value)} />
}

/** A field for each parameter of the report, as the catalogue tells it. What is usual is not kept. */
export function ParameterFields({ parameters, given, onChange }: Props) {
  const set = (parameter: ParameterInfo, value: ParameterValue) => {
    const rest = Object.entries(given).filter(([name]) => name !== parameter.name)
    const kept: [string, ParameterValue][] = value === usualValue(parameter) ? [] : [[parameter.name, value]]
    onChange(Object.fromEntries([...rest, ...kept]))
  }
  return parameters.map((parameter) => (
    <label
      key={parameter.name}
      title={parameter.description ?? undefined}
      className={parameter.type === 'Boolean' ? 'tick' : undefined}
    >
      {words(parameter.name)}
      <Field parameter={parameter} value={valueOf(parameter, given)} onChange={(value) => set(parameter, value)} />
    </label>
  ))
}
