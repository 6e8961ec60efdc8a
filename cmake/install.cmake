# cmake --install: the library both ways, its header, the command, and what pkg-config and find_package(sepcl) read.
include(CMakePackageConfigHelpers)
set(SEPCL_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/sepcl)

install(FILES ${PROJECT_SOURCE_DIR}/include/sepcl.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Two sets: a user of the shared library needs none of what the static one is linked with.
install(TARGETS sepcl EXPORT sepclTargets)
install(TARGETS sepcl_sealed EXPORT sepclStaticTargets)
install(EXPORT sepclTargets NAMESPACE sepcl:: DESTINATION ${SEPCL_PACKAGE_DIR})
install(EXPORT sepclStaticTargets NAMESPACE sepcl:: DESTINATION ${SEPCL_PACKAGE_DIR})
if(TARGET sepcl_command)
  install(TARGETS sepcl_command)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/docs/sepcl.1)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/sepcl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

# Relative to the file's own place: the prefix may be another one when the build is installed.
file(RELATIVE_PATH SEPCL_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/sepcl.pc.in ${CMAKE_BINARY_DIR}/generated/sepcl.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/generated/sepcl.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sepclConfig.cmake.in
                              ${CMAKE_BINARY_DIR}/generated/sepclConfig.cmake
                              INSTALL_DESTINATION ${SEPCL_PACKAGE_DIR})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/sepclConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/generated/sepclConfig.cmake ${CMAKE_BINARY_DIR}/generated/sepclConfigVersion.cmake
        DESTINATION ${SEPCL_PACKAGE_DIR})
