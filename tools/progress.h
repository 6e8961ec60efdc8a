/* Says on a terminal what takes long, once it does. Silent where stderr is none. */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

/* One at a time; `what` must live until progress_end. */
void progress_begin(const char *what);
void progress_end(void);
/* Draws a bar besides, and says what goes on. */
void progress_share(double share, const char *what);

#endif
