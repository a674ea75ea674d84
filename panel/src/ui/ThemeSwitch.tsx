import { useState } from 'react'
import { chooseTheme, chosenTheme, THEMES } from './theme'
import type { Theme } from './theme'

export function ThemeSwitch() {
  const [theme, setTheme] = useState(chosenTheme)
  return (
    <select
      className="quiet"
      aria-label="Theme"
      value={theme}
      onChange={(event) => {
        const chosen = event.target.value as Theme
        chooseTheme(chosen)
        setTheme(chosen)
      }}
    >
      {Object.entries(THEMES).map(([name, title]) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </select>
  )
}
