import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import { Dialog } from '../ui/Dialog'

/** The query behind the view, put on the clipboard where the browser lets a page do so. */
export function CopyDialog({ text, onClose }: { text: string; onClose: () => void }) {
  const [said, setSaid] = useState('')
  useEffect(() => {
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(text)
        setSaid('Copied to the clipboard.')
      } catch {
        setSaid('Your browser does not let this page copy: select the text and copy it.')
      }
    }
    void copy()
  }, [text])
  return (
    <Dialog title="The query behind this view" onClose={onClose}>
      <p role="status">{said}</p>
      <textarea
        aria-label="GraphQL query"
        readOnly
        rows={18}
        value={text}
        spellCheck={false}
        onFocus={(event) => event.target.select()}
      />
      <p>
        <Link href={`/graphiql?query=${encodeURIComponent(text)}`}>Open in GraphiQL</Link>
      </p>
    </Dialog>
  )
}
