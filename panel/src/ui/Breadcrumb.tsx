import { useEffect } from 'react'
import { Link } from 'wouter'

interface Step {
  text: string
  href?: string
}

/** The way to a page; its last step also names the browser's tab. */
export function Breadcrumb({ steps }: { steps: Step[] }) {
  const title = steps.map((step) => step.text).reverse().join(' · ')
  useEffect(() => {
    document.title = title
  }, [title])
  return (
    <nav aria-label="Breadcrumb" className="breadcrumb">
      <ol>
        {steps.map(({ text, href }, index) => (
          <li key={index} aria-current={index === steps.length - 1 ? 'page' : undefined}>
            {href ? <Link href={href}>{text}</Link> : text}
          </li>
        ))}
      </ol>
    </nav>
  )
}
