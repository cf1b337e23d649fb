// Notes when something first stood on the screen: seen in one frame, noted in the next, when it has been painted.
(() => {
  const times = (window.benchTimes = {})
  const seen = new Set()
  const marks = {
    report: () => {
      const pane = document.querySelector('.pane.report')
      return pane !== null && window.benchWords !== '' && pane.textContent.includes(window.benchWords)
    },
    jpg_on_report: () => {
      const image = document.querySelector('.pane.report .strip img')
      return image !== null && image.complete && image.naturalWidth > 0
    },
    jpg: () => document.querySelector('[data-mode=preview][data-shown=true]') !== null,
    dicom: () => document.querySelector('[data-mode=dicom][data-shown=true]') !== null,
  }
  const look = () => {
    for (const [name, found] of Object.entries(marks)) {
      if (seen.has(name) && !(name in times)) times[name] = performance.now()
      else if (!seen.has(name) && found()) seen.add(name)
    }
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
  document.addEventListener('click', (event) => {
    if (event.target.closest('[data-ask=dicom]')) times.tap = performance.now()
  }, true)
})()
