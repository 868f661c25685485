// Work of the native backends of filter banks cut in tasks: bands of rows of the output, and for few bands parts of
// their filters.
#pragma once

#include <algorithm>
#include <cstdint>

namespace imgfilt {

// A distance between channels of at least so many elements, with which they begin in different sets of the cache.
inline int64_t apart(int64_t elements) { return (((elements + 15) / 16) | 1) * 16; }

struct Bands {
    static constexpr int64_t kTasksPerThread = 4;

    int64_t rows = 1;   // of a band, the images' one after another; the last band may have fewer
    int64_t count = 1;  // of bands
    int64_t parts = 1;  // of a band's panels of filters
    int64_t tasks = 1;  // groups x bands x parts, the parts fastest

    // `all` rows in images of `height` rows each; `fits`: whether a band may have so many. How rows are cut changes
    // nothing in any sum.
    template <class Fits>
    Bands(int64_t all, int64_t height, int64_t groups, int64_t panels, int threads, const Fits& fits) {
        while (rows < all && fits(rows + 1)) ++rows;
        if (rows < height && threads > 1) rows = std::min(rows, (height + 1) / 2);
        count = (all + rows - 1) / rows;
        const int64_t wanted = threads == 1 ? 1 : threads * kTasksPerThread;
        parts = std::clamp<int64_t>((wanted + count * groups - 1) / (count * groups), 1, panels);
        while (threads > 1 && rows > 1 && count * groups * parts < threads) {
            rows = (rows + 1) / 2;
            count = (all + rows - 1) / rows;
        }
        rows = (all + count - 1) / count;
        count = (all + rows - 1) / rows;
        tasks = groups * count * parts;
    }
};

}  // namespace imgfilt
