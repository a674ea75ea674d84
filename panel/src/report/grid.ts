import {
  CellStyleModule,
  ColumnApiModule,
  ColumnAutoSizeModule,
  CustomFilterModule,
  InfiniteRowModelModule,
  LocaleModule,
  PinnedRowModule,
  RowStyleModule,
  themeQuartz,
  TooltipModule,
} from 'ag-grid-community'
import type { Module } from 'ag-grid-community'

/** The parts of the grid that the table needs, and no others. */
export const GRID_MODULES: Module[] = [
  CellStyleModule,
  ColumnApiModule,
  ColumnAutoSizeModule,
  CustomFilterModule,
  InfiniteRowModelModule,
  LocaleModule,
  PinnedRowModule,
  RowStyleModule,
  TooltipModule,
]

/** A filter that no row meets is told like a range without calls. */
export const GRID_WORDS = { noMatchingRows: 'No Rows To Show' }

export const GRID_THEME = themeQuartz.withParams({
  accentColor: 'var(--accent)',
  backgroundColor: 'var(--surface)',
  foregroundColor: 'var(--text)',
  borderColor: 'var(--line)',
  headerBackgroundColor: 'var(--raised)',
  rowHoverColor: 'var(--hover)',
  oddRowBackgroundColor: 'var(--stripe)',
  browserColorScheme: 'inherit',
  fontFamily: 'inherit',
  fontSize: 13,
  headerFontWeight: 600,
  cellHorizontalPadding: 10,
  spacing: 5,
  wrapperBorderRadius: 4,
})
