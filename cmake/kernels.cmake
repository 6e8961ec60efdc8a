# Embeds kernels/*.cl, *.h and *.inc as strings: generated/kernel_sources.c defines kernel_source(file).
file(GLOB SEPCL_KERNEL_FILES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.cl ${PROJECT_SOURCE_DIR}/kernels/*.h)
set(SEPCL_KERNEL_SOURCE ${CMAKE_BINARY_DIR}/generated/kernel_sources.c)
add_custom_command(
  OUTPUT ${SEPCL_KERNEL_SOURCE}
  COMMAND ${CMAKE_COMMAND} "-DFILES=${SEPCL_KERNEL_FILES}" -DOUT=${SEPCL_KERNEL_SOURCE}
          -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${SEPCL_KERNEL_FILES} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  VERBATIM)
