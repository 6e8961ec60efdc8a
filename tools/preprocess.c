#include "preprocess.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

bool picture_input_of(picture_input *out, const sepcl_io_info *info) {
  const int64_t *d = info->dims;
  bool first = info->rank == 4 && (d[1] == 3 || d[1] == 1), last = info->rank == 4 && (d[3] == 3 || d[3] == 1);
  if (!first && !last)
    return complain("input %s takes no picture: it is not 4-dimensional with 3 channels or 1", info->name);
  if (first && last && d[1] == 1 && d[3] == 3) first = false;
  int64_t height = first ? d[2] : d[1], width = first ? d[3] : d[2];
  if (height < 1 || width < 1 || height > 65536 || width > 65536)
    return complain("input %s of %lldx%lld pixels is more than a picture", info->name, (long long)height,
                    (long long)width);
  *out = (picture_input){(int32_t)d[0], (int32_t)height, (int32_t)width, (int32_t)(first ? d[1] : d[3]), first};
  return true;
}

/* Where a setting comes from, for complaints: an option, or the model's metadata. */
typedef struct setting {
  const char *text, *source;
} setting;

static bool wrong(setting from, const char *wanted) {
  if (*from.source == '-') return complain_usage("%s %.40s: %s", from.source, from.text, wanted);
  return complain("%s %.40s: %s", from.source, from.text, wanted);
}

static setting setting_of(const char *option, const char *name, const sepcl_graph *graph, char key[32]) {
  if (option) {
    snprintf(key, 32, "--%s", name);
    return (setting){option, key};
  }
  snprintf(key, 32, "sepcl.%s", name);
  return (setting){graph ? sepcl_graph_metadata(graph, key) : NULL, key};
}

static bool parse_size(setting from, int least, int32_t *out, const char **rest) {
  char *end;
  long value = strtol(from.text, &end, 10);
  if (end == from.text || value < least || value > 65536)
    return wrong(from, least ? "a size from 1 to 65536" : "a size from 0 to 65536");
  *out = (int32_t)value;
  *rest = end;
  return true;
}

static bool parse_crop(setting from, preprocessing *out) {
  const char *rest = "";
  if (!parse_size(from, 1, &out->crop_h, &rest)) return false;
  out->crop_w = out->crop_h;
  if (*rest == 'x' && rest[1] && !parse_size((setting){rest + 1, from.source}, 1, &out->crop_w, &rest)) return false;
  return !*rest || wrong(from, "C or HxW");
}

/* One number for all channels or one for each. */
static bool parse_channels(setting from, float out[3]) {
  const char *at = from.text;
  int count = 0;
  for (; count < 3; count++) {
    char *end;
    out[count] = strtof(at, &end);
    if (end == at || !isfinite(out[count])) break;
    at = end + strspn(end, ", ");
  }
  if (count == 1) out[1] = out[2] = out[0];
  return (!*at && (count == 1 || count == 3)) || wrong(from, "one number, or three with commas between");
}

static bool set_colours(preprocessing *out, const options *o, const sepcl_graph *graph) {
  char key[32];
  setting from = setting_of(o->mean, "mean", graph, key);
  if (from.text && !parse_channels(from, out->mean)) return false;
  from = setting_of(o->std, "std", graph, key);
  if (from.text && !parse_channels(from, out->std)) return false;
  for (int c = 0; c < 3; c++)
    if (!(fabsf(out->std[c]) >= 1e-30f)) return wrong(from, "nothing can be divided by 0");
  from = setting_of(o->bgr ? "1" : o->rgb ? "0" : NULL, "bgr", graph, key);
  out->bgr = from.text && (!strcmp(from.text, "1") || !strcmp(from.text, "true"));
  return true;
}

bool preprocessing_of(preprocessing *out, const options *o, const sepcl_graph *graph, const picture_input *input) {
  *out = (preprocessing){.crop_h = input ? input->height : 224,
                         .crop_w = input ? input->width : 224,
                         .mean = {0.485f, 0.456f, 0.406f},
                         .std = {0.229f, 0.224f, 0.225f}};
  char key[32] = "";
  const char *rest = "";
  setting from = setting_of(o->crop, "crop", graph, key);
  if (from.text && !parse_crop(from, out)) return false;
  bool fits = !input || (out->crop_h == input->height && out->crop_w == input->width);
  if (!fits) return complain("%s %.40s: the model's input is %dx%d", key, from.text, input->height, input->width);
  int32_t longer = out->crop_h > out->crop_w ? out->crop_h : out->crop_w;
  out->resize = (int32_t)((double)longer / 0.875 + 0.5);
  from = setting_of(o->resize, "resize", graph, key);
  if (from.text && !parse_size(from, 0, &out->resize, &rest)) return false;
  if (*rest) return wrong(from, "one size, that of the shorter side");
  return set_colours(out, o, graph);
}

static bool takes_pictures(const sepcl_graph *graph) {
  sepcl_io_info info;
  if (sepcl_graph_input_count(graph) != 1 || sepcl_graph_input_info(&info, graph, 0) != SEPCL_OK) return false;
  return info.rank == 4 && (info.dims[1] == 3 || info.dims[1] == 1 || info.dims[3] == 3 || info.dims[3] == 1);
}

static bool parse_range(const char *text, float range[2]) {
  char *end;
  range[0] = strtof(text, &end);
  if (end == text || *end != ':') return false;
  text = end + 1;
  range[1] = strtof(text, &end);
  return end != text && !*end && isfinite(range[0]) && isfinite(range[1]) && range[0] < range[1];
}

bool input_range_of(float range[2], const options *o, const sepcl_graph *graph) {
  preprocessing how;
  range[0] = -1;
  range[1] = 1;
  if (o->input_range)
    return parse_range(o->input_range, range) ||
           complain_usage("--input-range %.40s: two numbers LOW:HIGH, the lower one first", o->input_range);
  if (!takes_pictures(graph)) return true;
  if (!preprocessing_of(&how, o, graph, NULL)) return false;
  range[0] = INFINITY;
  range[1] = -INFINITY;
  for (int c = 0; c < 3; c++) {
    const float black = -how.mean[c] / how.std[c], white = (1 - how.mean[c]) / how.std[c];
    range[0] = fminf(range[0], fminf(black, white));
    range[1] = fmaxf(range[1], fmaxf(black, white));
  }
  return true;
}

void preprocessing_text(char *text, size_t size, const preprocessing *how) {
  char resize[48] = "resized to";
  if (how->resize) snprintf(resize, sizeof resize, "shorter side %d, crop", how->resize);
  snprintf(text, size, "%s %dx%d, mean %g %g %g, std %g %g %g, %s", resize, how->crop_h, how->crop_w, how->mean[0],
           how->mean[1], how->mean[2], how->std[0], how->std[1], how->std[2], how->bgr ? "BGR" : "RGB");
}

bool labels_of(labels *out, const options *o, const sepcl_graph *graph) {
  *out = (labels){0};
  if (o->labels) return labels_load(out, o->labels);
  const char *text = graph ? sepcl_graph_metadata(graph, "sepcl.labels") : NULL;
  return !text || !*text || labels_parse(out, text, "the model's sepcl.labels");
}

static bool keep(sepcl_graph *graph, const char *key, const char *value) {
  return !value || sepcl_graph_set_metadata(graph, key, value) == SEPCL_OK || complain_library();
}

bool preprocessing_keep(sepcl_graph *graph, const options *o) {
  preprocessing checked;
  sepcl_io_info info;
  picture_input input, *known = NULL;
  bool asked = o->resize || o->crop || o->mean || o->std || o->bgr || o->rgb;
  if (asked) {
    if (sepcl_graph_input_count(graph) != 1 || sepcl_graph_input_info(&info, graph, 0) != SEPCL_OK)
      return complain("a model with %d inputs takes no picture", sepcl_graph_input_count(graph));
    if (!picture_input_of(&input, &info)) return false;
    known = &input;
    if (!preprocessing_of(&checked, o, graph, known)) return false;
  }
  if (!keep(graph, "sepcl.resize", o->resize) || !keep(graph, "sepcl.crop", o->crop) ||
      !keep(graph, "sepcl.mean", o->mean) || !keep(graph, "sepcl.std", o->std) ||
      !keep(graph, "sepcl.bgr",
            o->bgr   ? "1"
            : o->rgb ? "0"
                     : NULL))
    return false;
  if (!o->labels) return true;
  labels names;
  if (!labels_load(&names, o->labels)) return false;
  char *text = labels_text(&names);
  bool kept = text ? keep(graph, "sepcl.labels", text) : complain("out of memory for labels");
  free(text);
  labels_free(&names);
  return kept;
}
