import 'graphiql/setup-workers/vite'
import 'graphiql/style.css'
import 'monaco-editor/esm/vs/base/browser/ui/codicons/codicon/codicon.css'
import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import { useSearchParams } from 'wouter'
import { Breadcrumb } from '../ui/Breadcrumb'
import { chosenTheme } from '../ui/theme'

const fetcher = createGraphiQLFetcher({ url: '/graphql', headers: { 'GraphQL-Require-Preflight': '1' } })

export default function GraphiQLPage() {
  const [searchParams] = useSearchParams()
  const theme = chosenTheme()
  const query = searchParams.get('query')
  return (
    <div className="graphiql-page">
      <Breadcrumb steps={[{ text: 'GraphiQL' }]} />
      <h1 className="unseen">GraphiQL</h1>
      <GraphiQL
        fetcher={fetcher}
        defaultQuery={'{\n  reportTypes {\n    name\n    title\n  }\n}\n'}
        isHeadersEditorEnabled={false}
        {...(theme !== 'system' && { forcedTheme: theme })}
        {...(query !== null && { initialQuery: query })}
      >
        <GraphiQL.Logo>{null}</GraphiQL.Logo>
      </GraphiQL>
    </div>
  )
}
