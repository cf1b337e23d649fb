/** Heights in the scrolled area: where the last question begins and ends, what is there, what is seen of it. */
export interface TurnPlace {
  questionTop: number
  questionBottom: number
  contentHeight: number
  viewHeight: number
}

const MARGIN = 8
/** Of a question longer than this part of the view only the end is shown, so that the answer's start is in view too. */
const QUESTION_SHARE = 0.4

/** Where to scroll for the question and the start of its answer: never past the question, however long the answer grows. */
export function scrollForTurn({ questionTop, questionBottom, contentHeight, viewHeight }: TurnPlace): number {
  const wanted = Math.max(questionTop - MARGIN, questionBottom - viewHeight * QUESTION_SHARE)
  return Math.max(0, Math.min(wanted, contentHeight - viewHeight))
}
